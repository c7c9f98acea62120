//! Looking a record up by its id.

use super::{Record, Row, Table};
use crate::{
    schema::IdType,
    value::{ValueRef, number::parse_integer},
};

impl Table {
    /// The row that an id's token probably leads to, before the command is understood; what leads to
    /// the record is then under way, and it can be fetched once there was something else to do.
    #[inline]
    pub fn approach(&self, id: Option<&&[u8]>) -> Option<Row> {
        if self.form.schema.id != IdType::Integer {
            return None;
        }
        let row = self.guess.row(parse_integer(id?)?)?;
        self.records.approach(row);
        Some(row)
    }

    /// The row of an id, whether the record has expired or not.
    pub fn row(&self, id: &ValueRef<'_>) -> Option<Row> {
        self.find(id).map(|(row, _)| row)
    }

    /// The row of an id whose record has not expired.
    pub fn live_row(&self, id: &ValueRef<'_>, now: impl Fn() -> i64) -> Option<Row> {
        self.live(id, now).map(|(row, _)| row)
    }

    /// The record of an id, if it has not expired, and its row. The clock is asked only where the record
    /// expires.
    #[inline]
    pub fn live(&self, id: &ValueRef<'_>, now: impl Fn() -> i64) -> Option<(Row, Record<'_>)> {
        let found = self.find(id);
        found.filter(|(_, record)| !self.has_expired(record, &now))
    }

    /// The record of an id, whether it has expired or not, and its row.
    #[inline]
    fn find(&self, id: &ValueRef<'_>) -> Option<(Row, Record<'_>)> {
        let ValueRef::Integer(number) = *id else {
            let row = id.tell_key(|key| self.ids.first(key))?;
            return Some((row, self.record(row)?));
        };
        if number > self.highest_id {
            return None;
        }
        if let Some(row) = self.guess.row(number) {
            if let Some(record) = self.record(row) {
                let mut id = ValueRef::Null;
                record.read(0, &mut id);
                if matches!(id, ValueRef::Integer(found) if found == number) {
                    self.guess.confirm();
                    return Some((row, record));
                }
            }
            self.guess.refute();
        }
        let row = id.tell_key(|key| self.ids.first(key))?;
        self.guess.learn(number, row);
        Some((row, self.record(row)?))
    }

    #[inline]
    fn has_expired(&self, record: &Record<'_>, now: impl Fn() -> i64) -> bool {
        let expires_at = self.form.schema.expires_at();
        !record.is_null(expires_at) && expires_by(&record.value(expires_at), now())
    }

    /// Whether a row's record has expired: from the millisecond of `expires_at` on.
    pub fn is_expired(&self, row: Row, now: i64) -> bool {
        let expired = |record: Record<'_>| self.has_expired(&record, || now);
        self.has_expiry() && self.record(row).is_some_and(expired)
    }
}

/// Whether a value of `expires_at` lies at or before `now`.
#[inline]
pub fn expires_by(expires_at: &ValueRef<'_>, now: i64) -> bool {
    matches!(expires_at, ValueRef::DateTime(at) if *at <= now)
}
