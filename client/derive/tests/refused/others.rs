use yarr_client_derive::{Changes, Enum};

#[derive(Enum)]
enum Data {
    Open,
    Closed(String),
}

#[derive(Enum)]
enum SameName {
    Open,
    #[record(name = "open")]
    Opened,
}

#[derive(Enum)]
enum NoName {
    #[record(name = "not open")]
    NotOpen,
}

#[derive(Enum)]
enum Empty {}

#[derive(Enum)]
struct NoEnum;

#[derive(Changes)]
struct OfNothing {
    name: String,
}

fn main() {}
