//! The commands and their forms, for people.

/// A command of the module, for help where the server has no COMMAND DOCS of it.
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// Its forms, as the documentation writes them.
    pub forms: &'static [&'static str],
    /// What it does.
    pub summary: &'static str,
    /// Whether it may change anything.
    pub writes: bool,
}

/// The commands of the module, for people.
pub static COMMANDS: [Command; 12] = [
    Command {
        name: "YARR.WHERE",
        forms: &[
            "table predicate|* [ORDER BY field [ASC|DESC] ...] [LIMIT n] [OFFSET n] [CURSOR cursor] [RETURN *|field ... | PLUCK field ... | IDS | COUNT] [PACKED] [SCAN]",
        ],
        summary: "Finds every record that matches: records, ids, values or their number",
        writes: false,
    },
    Command {
        name: "YARR.FIND",
        forms: &[
            "table id [RETURN *|field ...]",
            "table IDS n id ... [RETURN ...]",
            "table WHERE predicate [ORDER BY ...] [RETURN ...] [SCAN]",
        ],
        summary: "Finds records by id, or the first that matches",
        writes: false,
    },
    Command {
        name: "YARR.AGGREGATE",
        forms: &[
            "table predicate|* [GROUP BY field ...] COUNT | COUNT DISTINCT f | SUM f | AVG f | MIN f | MAX f ... [ORDER BY key [ASC|DESC] ...] [LIMIT n] [OFFSET n] [SCAN]",
        ],
        summary: "Counts and sums up the records that match, as a whole or group by group",
        writes: false,
    },
    Command {
        name: "YARR.CREATE",
        forms: &[
            "table [field value ...] [UNSET field ...] [ON CONFLICT id|field ... IGNORE|KEEP|UPDATE] [EX s|PX ms|EXAT s|PXAT ms|PERSIST|KEEPTTL] [RETURN *|field ...]",
            "table [ON CONFLICT ...] [EX ...] [RETURN ...] [NULL token] FIELDS n field ... VALUES value ...",
        ],
        summary: "Creates one record or many",
        writes: true,
    },
    Command {
        name: "YARR.UPDATE",
        forms: &[
            "table id [SET field value ...] [INCR field n ...] [ADD|REMOVE field n tag ...] [UNSET field ...] [TOUCH] [IF predicate] [EX ...] [RETURN ...]",
            "table WHERE predicate|* (the same changes) [ORDER BY ...] [LIMIT n] [RETURN ...] [SCAN]",
        ],
        summary: "Changes fields of records",
        writes: true,
    },
    Command {
        name: "YARR.DEL",
        forms: &[
            "table id | IDS n id ... [IF predicate] [RETURN ...]",
            "table WHERE predicate|* [ORDER BY ...] [LIMIT n] [RETURN ...] [SCAN]",
        ],
        summary: "Removes records",
        writes: true,
    },
    Command {
        name: "YARR.MIGRATE",
        forms: &[
            "table UP version name operation ... [DOWN operation ...] [DROP DATA]",
            "table DOWN version [DROP DATA]",
            "table CANCEL version",
        ],
        summary: "Changes a table's schema by a versioned migration, and makes the table with its first",
        writes: true,
    },
    Command {
        name: "YARR.SCHEMA",
        forms: &["table [HISTORY | VERSION | CHECK UP|DOWN ...]"],
        summary: "Tells a table's schema, its history or version, or what a migration would do",
        writes: false,
    },
    Command {
        name: "YARR.EXPLAIN",
        forms: &["table [ANALYZE] FIND|WHERE|UPDATE|DEL|AGGREGATE ..."],
        summary: "Tells how a command would find its records",
        writes: false,
    },
    Command {
        name: "YARR.CHANGES",
        forms: &[
            "table [SINCE epoch position] [UPTO position] [CURSOR cursor] [LIMIT n] [BYTES n] [RETURN *|field ...] [PACKED]",
        ],
        summary: "Tells what has changed since a position, in a table with a change feed",
        writes: false,
    },
    Command {
        name: "YARR.ACK",
        forms: &["table consumer epoch position", "table consumer FORGET"],
        summary: "Acknowledges changes as a consumer that needs them no more",
        writes: true,
    },
    Command {
        name: "YARR.INFO",
        forms: &["table"],
        summary: "Tells how large a table is, part by part",
        writes: false,
    },
];
