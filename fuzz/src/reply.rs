//! A reply that minds its grammar.

use yarr::commands::Reply;

/// What a command answered: whether each array and map got what its head promised.
#[derive(Default)]
pub struct Strict {
    /// How many replies each open array or map still waits for.
    open: Vec<usize>,
    written: usize,
    whole: usize,
}

impl Strict {
    /// Whether nothing was answered.
    pub fn is_empty(&self) -> bool {
        self.written == 0
    }

    /// Whether exactly one reply was answered, to its end.
    pub fn is_whole(&self) -> bool {
        self.open.is_empty() && self.whole == 1
    }

    fn one(&mut self, follow: usize) {
        self.written += 1;
        if follow > 0 {
            return self.open.push(follow);
        }
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        self.whole += 1;
    }
}

impl Reply for Strict {
    fn null(&mut self) {
        self.one(0);
    }
    fn integer(&mut self, _: i64) {
        self.one(0);
    }
    fn status(&mut self, text: &str) {
        assert!(
            !text.contains(['\r', '\n']),
            "a status of two lines: {text:?}"
        );
        self.one(0);
    }
    fn bulk(&mut self, _: &[u8]) {
        self.one(0);
    }
    fn array(&mut self, len: usize) {
        self.one(len);
    }
    fn set(&mut self, len: usize) {
        self.one(len);
    }
    fn map(&mut self, len: usize) {
        self.one(2 * len);
    }
    fn number(&mut self, _: i64) {
        self.one(0);
    }
    fn double(&mut self, number: f64) {
        assert!(
            number.is_finite() && (number != 0.0 || number.is_sign_positive()),
            "{number}"
        );
        self.one(0);
    }
    fn boolean(&mut self, _: bool) {
        self.one(0);
    }
}
