//! PACKED beside the plain reply: a command asked once more with the word says the same.

use yarr::error::{Code, Error};

use crate::{
    reply::Reply,
    unpack::{Unpacked, unpack},
};

/// Words of CREATE with which no list of fields and values begins.
const CLAUSES: [&str; 11] = [
    "UNSET", "ON", "RETURN", "NULL", "FIELDS", "EX", "PX", "EXAT", "PXAT", "PERSIST", "KEEPTTL",
];

fn is(word: &[u8], name: &str) -> bool {
    word.eq_ignore_ascii_case(name.as_bytes())
}

/// A command's arguments with PACKED, where it may answer records and does not say the word itself.
pub fn args<'a>(name: &str, args: &[&'a [u8]]) -> Option<Vec<&'a [u8]>> {
    let has = |name: &str| args.iter().any(|word| is(word, name));
    let answers = match name {
        "yarr.find" | "yarr.where" => true,
        "yarr.create" | "yarr.update" | "yarr.del" => has("RETURN"),
        _ => false,
    };
    if !answers || has("PACKED") {
        return None;
    }
    let mut args = args.to_vec();
    // VALUES ends a command, and fields with values begin one.
    let first = args.first().copied().unwrap_or_default();
    let at_front = name == "yarr.create" && CLAUSES.iter().any(|clause| is(first, clause));
    let place = if at_front { 0 } else { args.len() };
    args.insert(place, b"PACKED");
    Some(args)
}

/// Compares what a command came to plainly and packed.
pub fn assert_same(
    name: &str,
    plain: Result<&Reply, &Error>,
    packed: Result<&Reply, &Error>,
    args: &[&[u8]],
) {
    match (plain, packed) {
        (Ok(plain), Ok(packed)) => assert_says(name, packed, plain),
        // A number or an id is not packed, and the command says so.
        (Ok(plain), Err(error)) => {
            let reads = matches!(name, "yarr.find" | "yarr.where");
            let counts = matches!(plain, Reply::Integer(_));
            let other = if reads { counts } else { !plain.has_records() };
            assert!(
                other && error.code() == Code::Syntax,
                "{name} {args:?}: {error}"
            );
        }
        // What was cut short may be whole with one word more, or wrong in another place.
        (Err(error), Ok(_)) => assert_eq!(error.code(), Code::Syntax, "{error}"),
        (Err(plain), Err(packed)) => {
            let syntax = [plain, packed].map(|error| error.code() == Code::Syntax);
            assert!(
                syntax.contains(&true) || plain.code() == packed.code(),
                "{plain}, and packed {packed}"
            );
        }
    }
}

/// A packed reply says what the plain one does, to the byte.
pub fn assert_says(name: &str, packed: &Reply, plain: &Reply) {
    match (plain, packed) {
        (Reply::Array(plain), Reply::Array(packed)) => {
            let ([cursor, rows], [own, bytes]) = (&plain[..], &packed[..]) else {
                panic!("a page is a cursor and rows: {packed:?}");
            };
            assert_eq!(own, cursor);
            assert_rows(name, &unpacked(bytes), rows.items());
        }
        (Reply::Array(rows), Reply::Bulk(_)) => assert_rows(name, &unpacked(packed), rows),
        (Reply::Map(_), Reply::Bulk(_)) => {
            assert_rows(name, &unpacked(packed), std::slice::from_ref(plain));
        }
        (plain, packed) => assert_eq!(plain, packed),
    }
}

/// What a packed reply holds.
pub fn unpacked(reply: &Reply) -> Unpacked {
    unpack(reply.bytes()).unwrap_or_else(|| panic!("it does not unpack: {reply:?}"))
}

fn assert_rows(name: &str, packed: &Unpacked, rows: &[Reply]) {
    assert_eq!(packed.rows.len(), rows.len(), "{packed:?}\n{rows:?}");
    for (at, plain) in rows.iter().enumerate() {
        // Only a WHERE answers values without names, and it knows every record that it answers.
        let absent = name != "yarr.where" && *plain == Reply::Null;
        assert_eq!(
            packed.rows[at].is_none(),
            absent,
            "row {at}: {packed:?}\n{rows:?}"
        );
        let says = match plain {
            Reply::Map(pairs) => {
                packed.says_record(at, pairs.iter().map(|(name, value)| (name, value)))
            }
            _ if absent => true,
            values => name == "yarr.where" && packed.says_values(at, values),
        };
        assert!(says, "row {at}: {packed:?}\n{rows:?}");
    }
}
