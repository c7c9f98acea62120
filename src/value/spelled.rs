//! Texts of few different characters, kept in four or six bits each: digests, tokens, identifiers.
//!
//! ```text
//! head   1 byte: the number of characters less one, and in its high bit the alphabet
//! bits   so many a character, that of the first the highest of the first byte; what is left over is 0
//!
//! 0      4 bits   0123456789abcdef
//! 1      6 bits   -0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz
//! ```
//!
//! A character's bits are its place in its alphabet.

use super::alphabet::{characters, digits, lower_hexadecimal, places};

/// Shorter texts are left as they are.
const LEAST: usize = 8;
/// So are longer ones.
const MOST: usize = 128;
/// The bit of the head that says six bits.
const SIX: u8 = 0x80;
/// Characters read or written at once.
const WORD: usize = 8;

/// A text in one of the alphabets.
#[derive(Clone, Copy)]
pub struct Spelled<'a>(&'a [u8]);

/// Bits of a character and the number of characters.
#[inline]
fn shape(head: u8) -> (usize, usize) {
    let bits = if head & SIX == 0 { 4 } else { 6 };
    (bits, usize::from(head & !SIX) + 1)
}

/// How many bytes a text with this head takes, the head among them.
#[inline]
pub fn width(head: u8) -> usize {
    let (bits, len) = shape(head);
    1 + (len * bits).div_ceil(8)
}

/// Appends a text in the alphabet of the fewest bits that has its characters. False, and nothing is
/// appended, where neither has, or the text is too short or too long to gain by it.
pub fn spell_into(text: &[u8], out: &mut Vec<u8>) -> bool {
    if !(LEAST..=MOST).contains(&text.len()) {
        return false;
    }
    let head = text.len() as u8 - 1;
    let four = |word| lower_hexadecimal(word).map(u64::from);
    write(text, head, b'0', four, out) || write(text, head | SIX, b'-', places, out)
}

/// [`spell_into`] in one alphabet, the first of which is `zero`.
#[inline]
fn write(
    text: &[u8],
    head: u8,
    zero: u8,
    bits_of: impl Fn(u64) -> Option<u64>,
    out: &mut Vec<u8>,
) -> bool {
    let (bits, start) = (shape(head).0, out.len());
    out.push(head);
    for word in text.chunks(WORD) {
        let Some(word) = bits_of(first_word(word, zero)) else {
            out.truncate(start);
            return false;
        };
        out.extend_from_slice(&(word << (64 - WORD * bits)).to_be_bytes());
        out.truncate(out.len() - (WORD - bits));
    }
    out.truncate(start + width(head));
    true
}

impl<'a> Spelled<'a> {
    /// The text of these bytes, the head the first; `None` where they are not as many as it says.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Option<Spelled<'a>> {
        let head = bytes.first()?;
        (bytes.len() == width(*head)).then_some(Spelled(bytes))
    }

    /// How many characters there are.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.0.first().map_or(0, |head| shape(*head).1)
    }

    /// Calls `then` with the characters.
    #[inline(never)]
    pub fn tell<T>(&self, then: impl FnOnce(&[u8]) -> T) -> T {
        let mut room = [0; MOST];
        then(self.read_into(&mut room))
    }

    fn read_into<'r>(&self, room: &'r mut [u8; MOST]) -> &'r [u8] {
        let Some((head, mut rest)) = self.0.split_first() else {
            return &[];
        };
        let (bits, len) = shape(*head);
        for place in room.chunks_exact_mut(WORD).take(len.div_ceil(WORD)) {
            let word = first_word(rest, 0) >> (64 - WORD * bits);
            rest = rest.get(bits..).unwrap_or_default();
            let word = match bits {
                4 => digits(word as u32),
                _ => characters(word),
            };
            place.copy_from_slice(&word.to_be_bytes());
        }
        room.get(..len).unwrap_or_default()
    }
}

/// The first eight bytes as a number, the first the highest; `filler` stands for those that lack.
#[inline]
fn first_word(bytes: &[u8], filler: u8) -> u64 {
    u64::from_be_bytes(bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut filled = [filler; WORD];
        filled
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        filled
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn a_text_is_spelled_in_the_fewest_bits_and_read_back(
            text in prop_oneof!["[0-9a-f]{0,140}", "[-0-9A-Z_a-z]{0,140}", "[0-9a-fA-F.]{0,20}", ".{0,20}"]
        ) {
            let text = text.as_bytes();
            let all = |known: fn(&u8) -> bool| text.iter().all(known);
            let bits = match (LEAST..=MOST).contains(&text.len()) {
                true if all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => Some(4),
                true if all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) => Some(6),
                _ => None,
            };
            let mut out = vec![7];
            prop_assert_eq!(spell_into(text, &mut out), bits.is_some());
            prop_assert_eq!(out[0], 7);
            let bytes = &out[1..];
            prop_assert_eq!(bytes.len(), bits.map_or(0, |bits| 1 + (text.len() * bits).div_ceil(8)));
            if let Some(head) = bytes.first() {
                prop_assert_eq!(width(*head), bytes.len());
                let spelled = Spelled::new(bytes).unwrap();
                prop_assert_eq!(spelled.len(), text.len());
                spelled.tell(|read| assert_eq!(read, text));
            }
        }

        #[test]
        fn any_bytes_are_a_text_or_none(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            if let Some(spelled) = Spelled::new(&bytes) {
                prop_assert_eq!(spelled.tell(<[u8]>::len), spelled.len());
            }
        }
    }
}
