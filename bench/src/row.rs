//! The kinds of work: one row of the report each.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    Create,
    Values,
    Find,
    FindWhere,
    WhereAnd,
    Newest,
    NewestPacked,
    Count,
    CountIndexed,
    Sum,
    SumBy,
    CountBy,
    CountByBitmap,
    Ends,
    Update,
    UpdateBitmap,
    Del,
    Memory,
    MemoryText,
    Build,
    BuildSlice,
    RdbLoad,
    RdbSave,
    RdbSize,
    AofReplay,
    Pause,
    PauseBuild,
}

/// What YARR is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// So many times the native command's figure at most.
    Times(f64),
    /// So much at most, in the row's unit.
    AtMost(f64),
    /// So much more than the native figure at most.
    Over(f64),
    None,
}

use Row::*;

/// The rows that ask something of loaded records, in the order in which they are measured.
pub const ASKED: [Row; 11] = [
    Find,
    FindWhere,
    WhereAnd,
    Newest,
    NewestPacked,
    Count,
    Sum,
    SumBy,
    CountBy,
    CountByBitmap,
    Ends,
];

impl Row {
    pub const ALL: [Row; 27] = [
        Find,
        FindWhere,
        WhereAnd,
        Newest,
        NewestPacked,
        Count,
        CountIndexed,
        Create,
        Values,
        Update,
        UpdateBitmap,
        Del,
        Memory,
        MemoryText,
        Build,
        BuildSlice,
        RdbLoad,
        RdbSave,
        RdbSize,
        AofReplay,
        Pause,
        PauseBuild,
        CountByBitmap,
        Ends,
        CountBy,
        Sum,
        SumBy,
    ];

    /// Its name in the file of results and in the notes.
    pub fn name(self) -> &'static str {
        match self {
            Create => "create",
            Values => "values",
            Find => "find",
            FindWhere => "find_where",
            WhereAnd => "where_and",
            Newest => "newest",
            NewestPacked => "newest_packed",
            Count => "count",
            CountIndexed => "count_indexed",
            Sum => "sum",
            SumBy => "sum_by",
            CountBy => "count_by",
            CountByBitmap => "count_by_bitmap",
            Ends => "ends",
            Update => "update",
            UpdateBitmap => "update_bitmap",
            Del => "del",
            Memory => "memory",
            MemoryText => "memory_text",
            Build => "build",
            BuildSlice => "build_slice",
            RdbLoad => "rdb_load",
            RdbSave => "rdb_save",
            RdbSize => "rdb_size",
            AofReplay => "aof_replay",
            Pause => "pause",
            PauseBuild => "pause_build",
        }
    }

    /// What it is, for a reader.
    pub fn label(self) -> &'static str {
        match self {
            Create => "CREATE, three indexes",
            Values => "CREATE ... VALUES, 100 a command, a record",
            Find => "FIND by id",
            FindWhere => "FIND WHERE user_id =",
            WhereAnd => "WHERE user_id = AND status =",
            Newest => "WHERE created_at BETWEEN, newest 100 of 1,000",
            NewestPacked => "newest 100 of 1,000, PACKED",
            Count => "COUNT of a tenth by created_at AND status =",
            CountIndexed => "that COUNT, index on (status, created_at)",
            Sum => "AGGREGATE * SUM score",
            SumBy => "AGGREGATE * SUM score by user_id, top ten",
            CountBy => "AGGREGATE * COUNT by user_id, top ten",
            CountByBitmap => "AGGREGATE * COUNT by status",
            Ends => "AGGREGATE * MIN and MAX of created_at",
            Update => "UPDATE of a sorted field, user_id",
            UpdateBitmap => "UPDATE of a bitmap's field, status",
            Del => "DEL by id",
            Memory => "memory a record, indexes included",
            MemoryText => "memory, session ids that are no UUIDs",
            Build => "building an index over all records",
            BuildSlice => "longest slice of building an index, CPU",
            RdbLoad => "loading the RDB, a record",
            RdbSave => "saving the RDB, a record",
            RdbSize => "size of the RDB, a record",
            AofReplay => "replaying the AOF, a record",
            Pause => "a PING's wait while the table grows, CPU",
            PauseBuild => "a PING's wait while an index is built, CPU",
        }
    }

    /// What stands beside it.
    pub fn native(self) -> &'static str {
        match self {
            Create | Values => "HSET of the same fields, a new key",
            Find | FindWhere | WhereAnd => "HGETALL of the same fields",
            Newest | NewestPacked => "LRANGE of as many elements",
            Update | UpdateBitmap => "HSET of one field",
            Del => "DEL of the hash",
            Memory | MemoryText => "the hash, no index",
            RdbLoad | RdbSave | RdbSize | AofReplay => "the same records as hashes",
            Pause | PauseBuild => "PING on an idle server",
            Count | CountIndexed | Sum | SumBy | CountBy | CountByBitmap | Ends | Build
            | BuildSlice => "",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Memory | MemoryText | RdbSize => "B",
            Build => "s",
            BuildSlice | Pause | PauseBuild => "ms",
            _ => "us",
        }
    }

    pub fn goal(self) -> Goal {
        match self {
            Find => Goal::Times(0.9),
            FindWhere => Goal::Times(1.1),
            WhereAnd => Goal::Times(1.9),
            Newest => Goal::Times(1.2),
            NewestPacked => Goal::Times(0.25),
            Count => Goal::AtMost(150.0),
            CountIndexed => Goal::AtMost(3.0),
            Create => Goal::Times(0.8),
            Values => Goal::Times(0.35),
            Update => Goal::Times(1.2),
            UpdateBitmap => Goal::Times(0.9),
            Del => Goal::Times(1.5),
            Memory => Goal::AtMost(80.0),
            MemoryText => Goal::AtMost(95.0),
            Build => Goal::AtMost(0.4),
            BuildSlice => Goal::AtMost(1.0),
            RdbLoad => Goal::Times(0.25),
            Pause => Goal::Over(0.5),
            Sum | SumBy | CountBy | CountByBitmap | Ends | RdbSave | RdbSize | AofReplay
            | PauseBuild => Goal::None,
        }
    }

    /// Whether the goal is for a million records and says nothing about fewer or more.
    pub fn is_of_a_million(self) -> bool {
        matches!(self, Count | Build)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_row_has_a_name_of_its_own() {
        assert_eq!(
            Row::ALL
                .iter()
                .map(|row| row.name())
                .collect::<HashSet<_>>()
                .len(),
            Row::ALL.len()
        );
    }
}
