//! What the hashes were when they were taken over: sums over their contents, in so many buckets, kept beside the table.
//! Where a bucket's sum is the same, none of its hashes has changed.

use redis::ConnectionLike;

use super::scan::Hash;
use crate::{Result, data::position::beside};

const BUCKETS: usize = 16_384;

/// The sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest(Vec<u64>);

impl Default for Digest {
    fn default() -> Digest {
        Digest(vec![0; BUCKETS])
    }
}

impl Digest {
    /// Takes in a hash.
    pub fn add(&mut self, hash: &Hash) {
        let mut fields: Vec<_> = hash.fields.iter().collect();
        fields.sort_unstable();
        let words = fields
            .iter()
            .flat_map(|(name, value)| [name.as_slice(), value]);
        let sum = words.fold(fnv(FNV, &hash.key), fnv);
        if let Some(bucket) = self.0.get_mut(bucket(&hash.key)) {
            *bucket = bucket.wrapping_add(sum);
        }
    }

    /// Whether none of the hashes in this one's bucket has changed since.
    pub fn is_same(&self, before: &Digest, hash: &Hash) -> bool {
        let bucket = bucket(&hash.key);
        self.0.get(bucket) == before.0.get(bucket)
    }

    /// Keeps it.
    ///
    /// # Errors
    /// What the server says.
    pub fn keep(&self, table: &str, pattern: &str, server: &mut impl ConnectionLike) -> Result<()> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        Ok(redis::cmd("SET")
            .arg(key(table, pattern))
            .arg(bytes)
            .exec(server)?)
    }

    /// What was kept.
    ///
    /// # Errors
    /// What the server says.
    pub fn find(
        table: &str,
        pattern: &str,
        server: &mut impl ConnectionLike,
    ) -> Result<Option<Digest>> {
        let bytes: Option<Vec<u8>> = redis::cmd("GET").arg(key(table, pattern)).query(server)?;
        let sums = bytes.map(|bytes| {
            let words = bytes.chunks_exact(8).map(|word| word.iter().rev());
            words
                .map(|word| word.fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
                .collect()
        });
        Ok(sums.map(Digest))
    }

    /// Forgets what was kept.
    ///
    /// # Errors
    /// What the server says.
    pub fn forget(table: &str, pattern: &str, server: &mut impl ConnectionLike) -> Result<()> {
        Ok(redis::cmd("DEL").arg(key(table, pattern)).exec(server)?)
    }
}

fn key(table: &str, pattern: &str) -> String {
    beside(
        table,
        &format!("yarr:adopt:{}", pattern.replace(['{', '}'], "_")),
    )
}

fn bucket(key: &[u8]) -> usize {
    // The high bits are the better ones.
    usize::try_from(fnv(FNV, key) >> 40).unwrap_or_default() % BUCKETS
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a of 64 bits, of a word and its length.
fn fnv(sum: u64, word: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let length = u64::try_from(word.len()).unwrap_or_default().to_le_bytes();
    word.iter().fold(length.iter().fold(sum, step), step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(key: &str, fields: &[(&str, &str)]) -> Hash {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Hash {
            key: bytes(key),
            id: Vec::new(),
            fields: fields
                .iter()
                .map(|(name, value)| (bytes(name), bytes(value)))
                .collect(),
            own: fields.len(),
            expires: None,
        }
    }

    #[test]
    fn a_change_shows_and_the_order_of_fields_does_not() {
        let digest = |hash: &Hash| {
            let mut digest = Digest::default();
            digest.add(hash);
            digest
        };
        let before = hash("user:1", &[("a", "1"), ("b", "2")]);
        let turned = hash("user:1", &[("b", "2"), ("a", "1")]);
        assert!(digest(&before).is_same(&digest(&turned), &before));
        for other in [
            hash("user:1", &[("a", "1")]),
            hash("user:1", &[("a", "1b"), ("", "2")]),
            hash("user:1", &[("a", "2"), ("b", "1")]),
        ] {
            assert!(
                !digest(&before).is_same(&digest(&other), &before),
                "{other:?}"
            );
        }
    }
}
