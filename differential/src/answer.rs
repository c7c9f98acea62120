//! What was answered, as a tree, from YARR's replies and from SQLite's rows alike.

use std::fmt;

use yarr::commands::Reply;

/// One reply with all that belongs to it.
#[derive(Clone, PartialEq)]
pub enum Answer {
    /// No value.
    Null,
    /// A count.
    Count(i64),
    /// An INTEGER or DATETIME.
    Number(i64),
    /// A FLOAT; its bits, so that a 0 with a sign is another.
    Float(u64),
    /// A BOOLEAN.
    Boolean(bool),
    /// Bytes, or a status.
    Bytes(Vec<u8>),
    /// An array.
    List(Vec<Answer>),
    /// A set.
    Set(Vec<Answer>),
    /// A map: keys and values in turn.
    Map(Vec<Answer>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Answer::Null => write!(f, "null"),
            Answer::Count(n) => write!(f, "count {n}"),
            Answer::Number(n) => write!(f, "{n}"),
            Answer::Float(bits) => write!(f, "{:?}f", f64::from_bits(*bits)),
            Answer::Boolean(b) => write!(f, "{b}"),
            Answer::Bytes(bytes) => write!(f, "'{}'", bytes.escape_ascii()),
            Answer::List(parts) => f.debug_list().entries(parts).finish(),
            Answer::Set(parts) => f.debug_set().entries(parts).finish(),
            Answer::Map(parts) => {
                let pairs = parts.chunks(2).map(|pair| (&pair[0], &pair[1]));
                f.debug_map().entries(pairs).finish()
            }
        }
    }
}

impl Answer {
    /// Bytes of text.
    pub fn text(text: &str) -> Answer {
        Answer::Bytes(text.into())
    }

    /// The elements of an array.
    pub fn list(self) -> Vec<Answer> {
        match self {
            Answer::List(parts) => parts,
            other => panic!("expected an array, found {other:?}"),
        }
    }
}

/// Sorts answers whose order says nothing.
pub fn sorted(mut answers: Vec<Answer>) -> Vec<Answer> {
    answers.sort_by_cached_key(|answer| format!("{answer:?}"));
    answers
}

/// Takes replies one after the other.
#[derive(Default)]
pub struct Listener {
    open: Vec<(usize, Answer)>,
    whole: Option<Answer>,
}

impl Listener {
    /// The one reply there was.
    pub fn answer(self) -> Answer {
        assert!(self.open.is_empty(), "a reply that is not whole");
        self.whole.expect("a reply")
    }

    fn one(&mut self, answer: Answer) {
        let mut answer = answer;
        while let Some((left, parent)) = self.open.last_mut() {
            match parent {
                Answer::List(parts) | Answer::Set(parts) | Answer::Map(parts) => parts.push(answer),
                other => panic!("{other:?} holds nothing"),
            }
            *left -= 1;
            if *left > 0 {
                return;
            }
            answer = self.open.pop().expect("the parent").1;
        }
        assert!(self.whole.is_none(), "two replies");
        self.whole = Some(answer);
    }

    fn open(&mut self, follow: usize, answer: Answer) {
        match follow {
            0 => self.one(answer),
            _ => self.open.push((follow, answer)),
        }
    }
}

impl Reply for Listener {
    fn null(&mut self) {
        self.one(Answer::Null);
    }
    fn integer(&mut self, number: i64) {
        self.one(Answer::Count(number));
    }
    fn status(&mut self, text: &str) {
        self.one(Answer::text(text));
    }
    fn bulk(&mut self, bytes: &[u8]) {
        self.one(Answer::Bytes(bytes.into()));
    }
    fn array(&mut self, len: usize) {
        self.open(len, Answer::List(Vec::new()));
    }
    fn set(&mut self, len: usize) {
        self.open(len, Answer::Set(Vec::new()));
    }
    fn map(&mut self, len: usize) {
        self.open(2 * len, Answer::Map(Vec::new()));
    }
    fn number(&mut self, number: i64) {
        self.one(Answer::Number(number));
    }
    fn double(&mut self, number: f64) {
        self.one(Answer::Float(number.to_bits()));
    }
    fn boolean(&mut self, truth: bool) {
        self.one(Answer::Boolean(truth));
    }
}
