//! Commands as text in which one byte may be a whole word.
//!
//! ```text
//! \n            ends a command
//! space         ends a word; '' is the empty one
//! \ and a byte  that byte, whatever it is
//! 80 .. FF      a word of VOCABULARY, which is a word of its own
//! 01 .. 1E      a word of MORE, but for the newline
//! other bytes   themselves
//! ```
//!
//! So a seed can be read and written by hand, and a mutated byte is another word, not another
//! letter of one.

/// Words that commands are made of, and values that fit the fields of `commands::PRELUDES`.
pub const VOCABULARY: [&[u8]; 128] = [
    b"create",
    b"find",
    b"where",
    b"update",
    b"del",
    b"migrate",
    b"schema",
    b"explain",
    b"info",
    b"clock",
    b"limits",
    b"reclaim",
    b"reload",
    b"id",
    b"a",
    b"b",
    b"c",
    b"d",
    b"e",
    b"f",
    b"g",
    b"created_at",
    b"updated_at",
    b"expires_at",
    b"@id",
    b"0",
    b"1",
    b"2",
    b"3",
    b"-1",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"1.5",
    b"1e400",
    b"",
    b"x",
    b"y",
    b"z",
    b"true",
    b"false",
    b"now",
    b"now-1h",
    b"\0",
    b"\xff",
    b"6f9619ff-8b86-d011-b42d-00cf4fc964ff",
    b"*",
    b"(",
    b")",
    b"AND",
    b"OR",
    b"NOT",
    b"=",
    b"!=",
    b"<",
    b"<=",
    b">",
    b">=",
    b"BETWEEN",
    b"IN",
    b"IS",
    b"NULL",
    b"STARTS",
    b"WITH",
    b"IDS",
    b"SET",
    b"INCR",
    b"UNSET",
    b"TOUCH",
    b"IF",
    b"RETURN",
    b"ORDER",
    b"BY",
    b"ASC",
    b"DESC",
    b"LIMIT",
    b"OFFSET",
    b"CURSOR",
    b"PLUCK",
    b"COUNT",
    b"SCAN",
    b"ON",
    b"CONFLICT",
    b"IGNORE",
    b"KEEP",
    b"EX",
    b"PX",
    b"EXAT",
    b"PXAT",
    b"PERSIST",
    b"KEEPTTL",
    b"FIELDS",
    b"VALUES",
    b"UP",
    b"DOWN",
    b"ADD",
    b"REMOVE",
    b"RENAME",
    b"FIELD",
    b"INDEX",
    b"BITMAP",
    b"UNIQUE",
    b"INTEGER",
    b"STRING",
    b"ENUM",
    b"FLOAT",
    b"BOOLEAN",
    b"DATETIME",
    b"UUID",
    b"TO",
    b"DEFAULT",
    b"TTL",
    b"PASSIVE",
    b"NONE",
    b"TIMESTAMPS",
    b"OFF",
    b"DROP",
    b"DATA",
    b";",
    b"HISTORY",
    b"CHECK",
    b"VERSION",
    b"ANALYZE",
    b"NO",
    b"VALUE",
    b"fill",
    b"ALL",
    b"5",
    b"apply",
];

/// Further words, from 1 on; a newline is in the place of the tenth.
const MORE: [&[u8]; 30] = [
    b"TAGS",
    b"t",
    b"u",
    b"h",
    b"CONTAINS",
    b"ANY",
    b"4",
    b"7",
    &[b'x'; 255],
    b"\n",
    &[b'x'; 256],
    b"PACKED",
    b"work",
    b"resync",
    b"failover",
    b"CANCEL",
    b"TYPE",
    b"ACTIVE",
    b"aggregate",
    b"GROUP",
    b"SUM",
    b"AVG",
    b"MIN",
    b"MAX",
    b"DISTINCT",
    b"STRING",
    b"20",
    b"n",
    b"ID",
    b"Z",
];

/// The word that a byte stands for.
fn whole(byte: u8) -> Option<&'static [u8]> {
    let of = |list: &'static [&'static [u8]], first: u8| {
        list.get(usize::from(byte.checked_sub(first)?)).copied()
    };
    of(&MORE, 1).or_else(|| of(&VOCABULARY, 0x80))
}

/// The commands of an input, each as its words.
pub fn commands(data: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = data.iter();
    while let Some(&byte) = bytes.next() {
        let whole = whole(byte);
        if matches!(byte, b' ' | b'\n') || whole.is_some() {
            end(&mut word, &mut commands);
        }
        match byte {
            b' ' => {}
            b'\n' => commands.push(Vec::new()),
            b'\\' => word.get_or_insert_default().extend(bytes.next()),
            _ => match whole {
                Some(whole) => end(&mut Some(whole.to_vec()), &mut commands),
                None => word.get_or_insert_default().push(byte),
            },
        }
    }
    end(&mut word, &mut commands);
    commands.retain(|words| !words.is_empty());
    commands
}

fn end(word: &mut Option<Vec<u8>>, commands: &mut [Vec<Vec<u8>>]) {
    if let (Some(word), Some(command)) = (word.take(), commands.last_mut()) {
        command.push(if word == b"''" { Vec::new() } else { word });
    }
}
