//! Eight characters of an alphabet at once, a byte of a word each, the first the highest (Lamport,
//! Multiple byte processing with full-word instructions, 1975).
//!
//! No byte of a word is above 0x7F where bytes are compared, so that sums of 0x80 - n have their high
//! bit where a byte is n or more, and none runs over into the next.

/// A one in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;
/// The high bit of each byte.
const HIGH: u64 = EACH * 0x80;

/// The high bit of each byte that is `byte` or more.
#[inline]
fn from(byte: u8, word: u64) -> u64 {
    (word + EACH * u64::from(0x80 - byte)) & HIGH
}

/// The high bit of each byte from `first` to `last`.
#[inline]
fn within(first: u8, last: u8, word: u64) -> u64 {
    from(first, word) & !from(last + 1, word)
}

/// The number of eight hexadecimal digits of either case.
#[inline]
pub fn hexadecimal(word: u64) -> Option<u32> {
    if word & HIGH != 0 {
        return None;
    }
    let letter = within(b'a', b'f', word | (EACH * 0x20));
    if within(b'0', b'9', word) | letter != HIGH {
        return None;
    }
    let word = (word & (EACH * 0x0F)) + (letter >> 7) * 9;
    let word = (word | word >> 4) & 0x00FF_00FF_00FF_00FF;
    let word = (word | word >> 8) & 0x0000_FFFF_0000_FFFF;
    Some((word | word >> 16) as u32)
}

/// The number of eight hexadecimal digits, none of them upper-case.
#[inline]
pub fn lower_hexadecimal(word: u64) -> Option<u32> {
    // Only letters have this bit, and lower-case ones have 0x20 as well.
    let upper = word & (EACH * 0x40) & !(word << 1);
    match upper {
        0 => hexadecimal(word),
        _ => None,
    }
}

/// The eight hexadecimal digits of a number, in lower case.
#[inline]
pub fn digits(number: u32) -> u64 {
    let word = u64::from(number);
    let word = (word | word << 16) & 0x0000_FFFF_0000_FFFF;
    let word = (word | word << 8) & 0x00FF_00FF_00FF_00FF;
    let word = (word | word << 4) & (EACH * 0x0F);
    let letters = (word + EACH * 6) >> 4 & EACH;
    word + EACH * u64::from(b'0') + letters * u64::from(b'a' - b'0' - 10)
}

/// The places of eight characters among hyphen, digits, upper-case letters, underscore and lower-case
/// letters, which is their order as bytes: six bits each, 48 together.
#[inline]
pub fn places(word: u64) -> Option<u64> {
    if word & HIGH != 0 {
        return None;
    }
    let known = within(b'-', b'-', word)
        | within(b'0', b'9', word)
        | within(b'A', b'Z', word)
        | within(b'_', b'_', word)
        | within(b'a', b'z', word);
    if known != HIGH {
        return None;
    }
    let above = |first, gap: u64| (from(first, word) >> 7) * gap;
    let gaps = above(b'0', 2) + above(b'A', 7) + above(b'_', 4) + above(b'a', 1);
    let word = word - EACH * u64::from(b'-') - gaps;
    let word = word & 0x003F_003F_003F_003F | (word & 0x3F00_3F00_3F00_3F00) >> 2;
    let word = word & 0x0000_0FFF_0000_0FFF | (word & 0x0FFF_0000_0FFF_0000) >> 4;
    Some(word & 0xFF_FFFF | word >> 32 << 24)
}

/// The characters at these places: the other way of [`places`].
#[inline]
pub fn characters(places: u64) -> u64 {
    let word = places & 0xFF_FFFF | places >> 24 << 32;
    let word = word & 0x0000_0FFF_0000_0FFF | (word & 0x00FF_F000_00FF_F000) << 4;
    let word = word & 0x003F_003F_003F_003F | (word & 0x0FC0_0FC0_0FC0_0FC0) << 2;
    let above = |place, gap: u64| (from(place, word) >> 7) * gap;
    let gaps = above(1, 2) + above(11, 7) + above(37, 4) + above(38, 1);
    word + EACH * u64::from(b'-') + gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each character in each place, beside others that are known.
    fn words() -> impl Iterator<Item = (u8, [u8; 8])> {
        (0..8).flat_map(|at| {
            (0..=u8::MAX).map(move |byte| {
                let mut word = *b"0f9a3e7c";
                word[at] = byte;
                (byte, word)
            })
        })
    }

    fn text(word: [u8; 8]) -> String {
        String::from_utf8_lossy(&word).into_owned()
    }

    #[test]
    fn hexadecimal_digits_are_those_of_the_standard_library() {
        for (byte, word) in words() {
            let number = u64::from_be_bytes(word);
            let expected = u32::from_str_radix(&text(word), 16).ok();
            let expected = expected.filter(|_| byte.is_ascii_hexdigit());
            assert_eq!(hexadecimal(number), expected, "{word:?}");
            let lower = expected.filter(|_| !byte.is_ascii_uppercase());
            assert_eq!(lower_hexadecimal(number), lower, "{word:?}");
            if let Some(lower) = lower {
                assert_eq!(digits(lower), number);
            }
        }
    }

    #[test]
    fn places_are_in_the_order_of_bytes() {
        let alphabet: Vec<u8> = (0..=u8::MAX)
            .filter(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
            .collect();
        assert_eq!(alphabet.len(), 64);
        for (_, word) in words() {
            let expected = word.iter().try_fold(0, |places, byte| {
                let place = alphabet.iter().position(|known| known == byte)?;
                Some(places << 6 | place as u64)
            });
            let found = places(u64::from_be_bytes(word));
            assert_eq!(found, expected, "{word:?}");
            if let Some(places) = found {
                assert_eq!(characters(places).to_be_bytes(), word);
            }
        }
    }
}
