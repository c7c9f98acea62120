use yarr_client_derive::Record;

#[derive(Record)]
struct NoTable {
    id: i64,
}

#[derive(Record)]
#[record(table = "t")]
struct NoId {
    number: i64,
}

#[derive(Record)]
#[record(table = "t")]
struct Borrows<'a> {
    id: i64,
    name: &'a str,
}

#[derive(Record)]
#[record(table = "t")]
struct Generic<T> {
    id: i64,
    value: T,
}

#[derive(Record)]
#[record(table = "t")]
struct Tuple(i64, String);

#[derive(Record)]
#[record(table = "t")]
struct NoName {
    id: i64,
    userName: String,
}

#[derive(Record)]
#[record(table = "t")]
struct Twice {
    id: i64,
    name: String,
    #[record(name = "name")]
    other: String,
}

#[derive(Record)]
#[record(table = "t", index(user_id, craeted_at))]
struct NoSuchField {
    id: i64,
    user_id: i64,
    created_at: std::time::SystemTime,
}

#[derive(Record)]
#[record(table = "t", ttl = "2 hours")]
struct NoTimeToLive {
    id: i64,
}

#[derive(Record)]
#[record(table = "t")]
struct Words {
    id: i64,
    #[record(indexed)]
    a: i64,
}

#[derive(Record)]
#[record(table = "t")]
struct TwoIndexes {
    id: i64,
    #[record(index, bitmap)]
    b: i64,
}

#[derive(Record)]
#[record(table = "t")]
struct WrongVersion {
    id: i64,
    #[record(version)]
    lock: u32,
}

#[derive(Record)]
#[record(table = "t")]
struct NoEnd {
    id: i64,
    expires_at: std::time::SystemTime,
}

#[derive(Record)]
#[record(table = "t")]
struct OwnDefault {
    id: i64,
    #[record(default = "now")]
    created_at: std::time::SystemTime,
}

#[derive(Record)]
#[record(table = "t")]
enum NoStruct {
    A,
}

fn main() {}
