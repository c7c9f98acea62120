//! The indexes of a table: a sorted set over one or more fields, a bitmap over one.
