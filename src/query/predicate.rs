//! A predicate as it was written, borrowing the command's tokens.

/// The condition after WHERE or IF.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate<'a> {
    /// `*`: every record.
    Everything,
    /// The records for which this is true.
    Where(Node<'a>),
}

/// A predicate or a part of one. Chains of AND and of OR are flat, so the depth is that of the
/// parentheses, which the parser bounds.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// All of these.
    And(Vec<Node<'a>>),
    /// Any of these.
    Or(Vec<Node<'a>>),
    /// Not this.
    Not(Box<Node<'a>>),
    /// One field's condition.
    Condition(Condition<'a>),
}

/// What one field must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition<'a> {
    /// The field's token, perhaps with its `@`.
    pub field: &'a [u8],
    /// What is asked of it.
    pub test: Test<'a>,
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Test<'a> {
    /// `field < v` and the like.
    Compare(Comparison, &'a [u8]),
    /// `field BETWEEN a AND b`.
    Between(&'a [u8], &'a [u8]),
    /// `field IN n v1 .. vn`.
    In(&'a [&'a [u8]]),
    /// `field STARTS WITH v`.
    StartsWith(&'a [u8]),
    /// `field CONTAINS v`, `CONTAINS ANY n v1 .. vn` or `CONTAINS ALL n v1 .. vn`.
    Contains {
        /// The tags.
        tags: &'a [&'a [u8]],
        /// Whether all must be there, or any.
        all: bool,
    },
    /// `field IS NULL`.
    IsNull,
    /// `field IS NOT NULL`.
    IsNotNull,
}

/// A comparison's operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`, EQ.
    Equal,
    /// `!=`, NE.
    NotEqual,
    /// `<`, LT.
    Less,
    /// `<=`, LE.
    LessOrEqual,
    /// `>`, GT.
    Greater,
    /// `>=`, GE.
    GreaterOrEqual,
}

impl Comparison {
    /// Each operator with its two spellings.
    pub const SPELLINGS: [(Comparison, &'static str, &'static str); 6] = [
        (Comparison::Equal, "=", "EQ"),
        (Comparison::NotEqual, "!=", "NE"),
        (Comparison::Less, "<", "LT"),
        (Comparison::LessOrEqual, "<=", "LE"),
        (Comparison::Greater, ">", "GT"),
        (Comparison::GreaterOrEqual, ">=", "GE"),
    ];

    /// The operator that says the opposite of every value.
    #[must_use]
    pub fn negated(self) -> Comparison {
        match self {
            Comparison::Equal => Comparison::NotEqual,
            Comparison::NotEqual => Comparison::Equal,
            Comparison::Less => Comparison::GreaterOrEqual,
            Comparison::LessOrEqual => Comparison::Greater,
            Comparison::Greater => Comparison::LessOrEqual,
            Comparison::GreaterOrEqual => Comparison::Less,
        }
    }
}

/// The name that a field's token says.
pub fn field_name(token: &[u8]) -> &[u8] {
    token.strip_prefix(b"@").unwrap_or(token)
}

/// A hash of what was asked, the same on every server and in every version: FNV-1a of 64 bits.
#[derive(Debug, Clone, Copy)]
pub struct Digest(u64);

impl Default for Digest {
    fn default() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Digest {
    /// Adds one part, so that no two lists of parts are the same bytes.
    pub fn add(&mut self, part: &[u8]) {
        self.bytes(&(part.len() as u64).to_le_bytes());
        self.bytes(part);
    }

    /// The hash of everything added.
    pub fn finish(self) -> u64 {
        self.0
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

impl Predicate<'_> {
    /// Adds what this asks to a hash.
    pub fn digest(&self, digest: &mut Digest) {
        match self {
            Predicate::Everything => digest.add(b"*"),
            Predicate::Where(node) => node.digest(digest),
        }
    }
}

impl Node<'_> {
    fn digest(&self, digest: &mut Digest) {
        match self {
            Node::And(parts) => digest_all(b"AND", parts, digest),
            Node::Or(parts) => digest_all(b"OR", parts, digest),
            Node::Not(part) => {
                digest.add(b"NOT");
                part.digest(digest);
            }
            Node::Condition(condition) => condition.digest(digest),
        }
    }
}

fn digest_all(word: &[u8], parts: &[Node], digest: &mut Digest) {
    digest.add(word);
    digest.add(&(parts.len() as u64).to_le_bytes());
    parts.iter().for_each(|part| part.digest(digest));
}

impl Condition<'_> {
    fn digest(&self, digest: &mut Digest) {
        digest.add(field_name(self.field));
        match &self.test {
            Test::Compare(comparison, value) => {
                let spelling = Comparison::SPELLINGS.iter().find(|s| s.0 == *comparison);
                digest.add(spelling.map_or("", |s| s.2).as_bytes());
                digest.add(value);
            }
            Test::Between(low, high) => {
                [b"BETWEEN", *low, *high].iter().for_each(|p| digest.add(p))
            }
            Test::In(values) => {
                digest.add(b"IN");
                digest.add(&(values.len() as u64).to_le_bytes());
                values.iter().for_each(|value| digest.add(value));
            }
            Test::StartsWith(prefix) => [&b"STARTS"[..], prefix].iter().for_each(|p| digest.add(p)),
            Test::Contains { tags, all } => {
                digest.add(if *all {
                    b"CONTAINS ALL"
                } else {
                    b"CONTAINS ANY"
                });
                digest.add(&(tags.len() as u64).to_le_bytes());
                tags.iter().for_each(|tag| digest.add(tag));
            }
            Test::IsNull => digest.add(b"NULL"),
            Test::IsNotNull => digest.add(b"NOT NULL"),
        }
    }
}
