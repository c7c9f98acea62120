//! UUIDs: their text, and version 7 made from a clock and random bits (RFC 9562, section 5.7).

use super::alphabet::{digits, hexadecimal};

/// Bytes of a UUID's text with its four hyphens.
pub const TEXT_LEN: usize = 36;

/// Where the hyphens stand in the text.
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads 8-4-4-4-12 or 32 hex digits of either case.
pub fn parse(token: &[u8]) -> Option<[u8; 16]> {
    let parts: [&[u8]; 5] = match token.len() {
        TEXT_LEN => parts(token)?,
        32 => {
            let (first, rest) = token.split_at_checked(8)?;
            let (second, rest) = rest.split_at_checked(4)?;
            let (third, rest) = rest.split_at_checked(4)?;
            let (fourth, fifth) = rest.split_at_checked(4)?;
            [first, second, third, fourth, fifth]
        }
        _ => return None,
    };
    let [first, second, third, fourth, fifth] = parts;
    let (sixth, seventh) = fifth.split_at_checked(4)?;
    let number = u128::from(number(first, &[])?) << 96
        | u128::from(number(second, third)?) << 64
        | u128::from(number(fourth, sixth)?) << 32
        | u128::from(number(seventh, &[])?);
    Some(number.to_be_bytes())
}

/// The five parts of a text of [`TEXT_LEN`] bytes, whose hyphens are where they belong.
fn parts(token: &[u8]) -> Option<[&[u8]; 5]> {
    let hyphens = HYPHENS.iter().all(|at| token.get(*at) == Some(&b'-'));
    let part = |from: usize, to: usize| token.get(from..to);
    let parts = [
        part(0, 8)?,
        part(9, 13)?,
        part(14, 18)?,
        part(19, 23)?,
        part(24, 36)?,
    ];
    hyphens.then_some(parts)
}

/// The number of eight hexadecimal digits of either case, in one part or in two halves.
#[inline]
fn number(first: &[u8], second: &[u8]) -> Option<u32> {
    let half = |digits: &[u8]| digits.first_chunk().map(|half| u32::from_be_bytes(*half));
    let low = if second.is_empty() {
        first.get(4..)?
    } else {
        second
    };
    hexadecimal(u64::from(half(first)?) << 32 | u64::from(half(low)?))
}

/// Reads only the canonical form, lower case with hyphens: the text that [`text`] gives back.
pub fn parse_canonical(token: &[u8]) -> Option<[u8; 16]> {
    let text: &[u8; TEXT_LEN] = token.try_into().ok()?;
    let bytes = parse(text)?;
    // All that another text of the same UUID differs in is capitals. Each byte is looked at, for
    // many are then looked at at once.
    let capitals = text
        .iter()
        .fold(false, |any, byte| any | byte.is_ascii_uppercase());
    (!capitals).then_some(bytes)
}

/// Lower-case text, 8-4-4-4-12.
#[inline]
pub fn text(bytes: &[u8; 16]) -> [u8; TEXT_LEN] {
    let number = u128::from_be_bytes(*bytes);
    let part = |shift: u32| digits((number >> shift) as u32).to_be_bytes();
    let (second, third) = (part(64), part(32));
    let mut text = [b'-'; TEXT_LEN];
    let mut put = |at: usize, digits: &[u8]| {
        if let Some(place) = text.get_mut(at..at + digits.len()) {
            place.copy_from_slice(digits);
        }
    };
    put(0, &part(96));
    put(9, second.split_at(4).0);
    put(14, second.split_at(4).1);
    put(19, third.split_at(4).0);
    put(24, third.split_at(4).1);
    put(28, &part(0));
    text
}

/// A version 7 UUID: 48 bits of `now` in milliseconds, then the given random bits.
pub fn version7(now: i64, random: [u64; 2]) -> [u8; 16] {
    let time = u128::from(now.max(0) as u64 & 0xFFFF_FFFF_FFFF) << 80;
    let noise = (u128::from(random[0]) << 64 | u128::from(random[1])) & ((1 << 80) - 1);
    let mut bytes = (time | noise).to_be_bytes();
    bytes[6] = bytes[6] & 0x0F | 0x70;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_reads_back_the_same(bytes: [u8; 16]) {
            let text = text(&bytes);
            prop_assert_eq!(parse(&text), Some(bytes));
            prop_assert_eq!(parse_canonical(&text), Some(bytes));
            prop_assert_eq!(parse(&text.to_ascii_uppercase()), Some(bytes));
            let bare: Vec<u8> = text.iter().copied().filter(|b| *b != b'-').collect();
            prop_assert_eq!(parse(&bare), Some(bytes));
        }

        #[test]
        fn version_7_orders_by_time(a in 0i64..1 << 47, b in 0i64..1 << 47, x: [u64; 2], y: [u64; 2]) {
            let (first, second) = (version7(a, x), version7(b, y));
            if a != b {
                prop_assert_eq!(a.cmp(&b), first.cmp(&second));
            }
            prop_assert_eq!(first[6] >> 4, 7);
            prop_assert_eq!(first[8] >> 6, 2);
        }
    }

    #[test]
    fn each_place_takes_a_digit_of_either_case_or_its_hyphen() {
        let text = *b"00000000-0000-0000-0000-000000000000";
        for at in 0..TEXT_LEN {
            for byte in 0..=u8::MAX {
                let mut token = text;
                token[at] = byte;
                let expected = match HYPHENS.contains(&at) {
                    true => byte == b'-',
                    false => byte.is_ascii_hexdigit(),
                };
                let found = parse(&token).map(|bytes| super::text(&bytes));
                let lower = expected.then_some(token.map(|b| b.to_ascii_lowercase()));
                assert_eq!(found, lower, "{byte:#x} at {at}");
            }
        }
    }

    #[test]
    fn misplaced_hyphens_are_refused() {
        assert_eq!(parse(b"123e4567e-89b-12d3-a456-426614174000"), None);
        assert_eq!(parse(b"123e4567-e89b-12d3-a456-42661417400"), None);
        assert_eq!(parse(b"g23e4567-e89b-12d3-a456-426614174000"), None);
        assert_eq!(
            parse_canonical(b"123E4567-e89b-12d3-a456-426614174000"),
            None
        );
    }
}
