//! How far an import has come, kept in the server beside the table and moved in the same step as each batch.

use redis::ConnectionLike;
use yarr_client::Error as ClientError;

use super::source::Mark;
use crate::{Error, Result};

/// How long the position of an import that is done is kept: a run that was ended between its last batch and its
/// answer is so told from one that has not begun.
const KEPT: u64 = 7 * 24 * 3600;

/// How far an import has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// How far the file has been taken.
    pub mark: Mark,
    /// Records read, rejects among them.
    pub records: u64,
    /// Records set aside.
    pub rejected: u64,
    /// The length of the file of rejects.
    pub rejects: u64,
}

impl Position {
    /// As text; two positions are the same where their texts are.
    pub fn text(&self) -> String {
        let Mark { bytes, lines, crc } = self.mark;
        format!(
            "1 {bytes} {lines} {crc} {} {} {}",
            self.records, self.rejected, self.rejects
        )
    }

    /// Reads the text.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(text: &str) -> Result<Position> {
        let numbers: Vec<u64> = text
            .split(' ')
            .map_while(|word| word.parse().ok())
            .collect();
        match numbers.as_slice() {
            [1, bytes, lines, crc, records, rejected, rejects] => Ok(Position {
                mark: Mark {
                    bytes: *bytes,
                    lines: *lines,
                    crc: u32::try_from(*crc).unwrap_or_default(),
                },
                records: *records,
                rejected: *rejected,
                rejects: *rejects,
            }),
            _ => Err(Error::usage(format!(
                "expected the position of an import, found '{text}': was it kept by a newer yarr?"
            ))),
        }
    }
}

/// What is kept of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How far it has come.
    pub at: Position,
    /// How many records it has made.
    pub created: u64,
    /// How many it passed over because they were there.
    pub passed: u64,
    /// Whether it has come to its end.
    pub done: bool,
}

/// The key that holds it, of the same hash slot as the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    key: String,
}

impl Place {
    /// Of the import of a file into a table.
    pub fn new(table: &str, file: &str) -> Place {
        Place {
            // Braces in the name would be taken for the tag.
            key: beside(
                table,
                &format!("yarr:import:{}", file.replace(['{', '}'], "_")),
            ),
        }
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is kept, where something is.
    ///
    /// # Errors
    /// What the server says.
    pub fn find(&self, server: &mut impl ConnectionLike) -> Result<Option<Kept>> {
        type Fields = (Option<String>, Option<u64>, Option<u64>, Option<String>);
        let (at, created, passed, done): Fields = redis::cmd("HMGET")
            .arg(&self.key)
            .arg(&["at", "created", "passed", "done"])
            .query(server)?;
        let Some(at) = at else { return Ok(None) };
        Ok(Some(Kept {
            at: Position::parse(&at)?,
            created: created.unwrap_or_default(),
            passed: passed.unwrap_or_default(),
            done: done.is_some(),
        }))
    }

    /// Begins anew, where what is kept is still what was found.
    ///
    /// # Errors
    /// Where another import has begun meanwhile, and what the server says.
    pub fn begin(
        &self,
        found: Option<&Kept>,
        at: &Position,
        server: &mut impl ConnectionLike,
    ) -> Result<()> {
        const SCRIPT: &str = "\
if (redis.call('HGET', KEYS[1], 'at') or '') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
return redis.call('HSET', KEYS[1], 'at', ARGV[2])";
        let begun: u64 = redis::cmd("EVAL")
            .arg(SCRIPT)
            .arg(1)
            .arg(&self.key)
            .arg(found.map(|kept| kept.at.text()).unwrap_or_default())
            .arg(at.text())
            .query(server)?;
        match begun {
            0 => Err(Error::new(
                crate::Kind::Refused,
                "another import of this file into this table has begun at the same time: nothing was imported by this one",
            )),
            _ => Ok(()),
        }
    }

    /// Says that the import has come to its end.
    ///
    /// # Errors
    /// What the server says.
    pub fn finish(&self, server: &mut impl ConnectionLike) -> Result<()> {
        redis::cmd("HSET")
            .arg(&self.key)
            .arg("done")
            .arg(1)
            .exec(server)?;
        Ok(redis::cmd("EXPIRE").arg(&self.key).arg(KEPT).exec(server)?)
    }

    /// Whether the server runs the script that moves a position with a batch: Redis 4 has no scripts that write to
    /// tables, and a user may not be allowed any.
    ///
    /// # Errors
    /// Where the server cannot be asked.
    pub fn is_possible(&self, table: &str, server: &mut impl ConnectionLike) -> Result<bool> {
        // What is refused before anything is done: of interest is who refuses it.
        let probe = "return redis.pcall('YARR.CREATE', KEYS[1], 'FIELDS')";
        let asked = redis::cmd("EVAL")
            .arg(probe)
            .arg(2)
            .arg(table)
            .arg(&self.key)
            .query::<redis::Value>(server);
        let Err(error) = asked else { return Ok(true) };
        let text = error.to_string();
        if error.code() == Some("NOPERM") || text.contains("unknown command") {
            return Ok(false);
        }
        if error.is_io_error() || error.is_connection_dropped() {
            return Err(ClientError::from(error).into());
        }
        let refusals = [
            "not allowed from script",
            "can't run this command",
            "NOPERM",
        ];
        Ok(!refusals.iter().any(|refusal| text.contains(refusal)))
    }
}

/// A key of the same hash slot as the table's key.
pub fn beside(table: &str, name: &str) -> String {
    let tag = tag(table);
    if !tag.contains('}') {
        return format!("{name}:{{{tag}}}");
    }
    // No tag can be written that is hashed as this key: one with a number is sought that falls into its slot.
    let slot = slot(table);
    let found = (0_u64..).map(|n| format!("{name}:{n}:{}", table.replace(['{', '}'], "_")));
    let mut found = found.filter(|key| self::slot(key) == slot);
    found.next().unwrap_or_default()
}

/// The part of a key that its slot comes of: what stands between the first `{` and the next `}`, unless that is
/// nothing, and else the whole.
fn tag(key: &str) -> &str {
    let inner = key
        .split_once('{')
        .and_then(|(_, rest)| rest.split_once('}'));
    match inner {
        Some((tag, _)) if !tag.is_empty() => tag,
        _ => key,
    }
}

/// The slot of a key in a cluster: CRC-16/XMODEM of its tag.
fn slot(key: &str) -> u16 {
    let step = |crc: u16, byte: u8| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    };
    tag(key).bytes().fold(0, step) % 16_384
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_a_cluster() {
        // From the specification of Redis Cluster and CLUSTER KEYSLOT.
        assert_eq!(slot("123456789"), 0x31c3);
        assert_eq!(slot("foo"), 12_182);
        assert_eq!(slot("{foo}.bar"), 12_182);
        assert_eq!(slot("x{}{foo}"), slot("x{}{foo}"));
        assert_ne!(slot("x{}{foo}"), 12_182);
    }

    #[test]
    fn a_position_lies_beside_its_table() {
        for table in [
            "flights",
            "a{b}c",
            "a{}b",
            "a}b",
            "{a",
            "{",
            "}",
            "a{b{c}d}e",
        ] {
            let place = Place::new(table, "f.csv");
            assert_eq!(slot(place.key()), slot(table), "{table} {place:?}");
            assert_ne!(place.key(), table);
        }
        assert_eq!(
            Place::new("flights", "f.csv").key(),
            "yarr:import:f.csv:{flights}"
        );
    }

    #[test]
    fn a_position_is_read_back() {
        let position = Position {
            mark: Mark {
                bytes: u64::MAX,
                lines: 7,
                crc: u32::MAX,
            },
            records: 3,
            rejected: 2,
            rejects: 1,
        };
        assert_eq!(Position::parse(&position.text()).unwrap(), position);
        assert!(Position::parse("2 0 0 0 0 0 0").is_err());
        assert!(Position::parse("").is_err());
    }
}
