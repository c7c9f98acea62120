//! Numbers in as few bytes as they need: LEB128, as DWARF has it.

/// Appends a number in LEB128.
pub fn push_number(number: u64, out: &mut Vec<u8>) {
    each_byte(number, |byte| out.push(byte));
}

/// Tells each byte of a number in LEB128.
#[inline]
pub(super) fn each_byte(mut number: u64, mut told: impl FnMut(u8)) {
    while number >= 0x80 {
        told(number as u8 | 0x80);
        number >>= 7;
    }
    told(number as u8);
}

/// Reads a number in LEB128 and answers it with what follows. `None` where the bytes end or the
/// number is longer than 64 bits.
#[inline]
pub fn split_number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0u64;
    for (at, byte) in bytes.iter().enumerate().take(10) {
        let shift = at as u32 * 7;
        let part = u64::from(byte & 0x7F);
        if shift == 63 && part > 1 {
            return None;
        }
        number |= part << shift;
        if byte & 0x80 == 0 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_read_back(number: u64, rest: Vec<u8>) {
            let mut bytes = Vec::new();
            push_number(number, &mut bytes);
            bytes.extend(&rest);
            prop_assert_eq!(split_number(&bytes), Some((number, &rest[..])));
        }
    }
}
