//! Rows of PACKED: codes and data of some fields, mostly copied from a record as they are.

use smallvec::SmallVec;

use super::{
    Record,
    encode::encode_value,
    width::{code_at, take},
};
use crate::value::ValueRef;

/// Writes codes and data of values, as a record of them has them behind its layout's number.
#[inline(always)]
pub fn pack_values(values: &[ValueRef<'_>], out: &mut Vec<u8>) {
    let codes = out.len();
    out.resize(codes + values.len().div_ceil(2), 0);
    for (at, pair) in values.chunks(2).enumerate() {
        let mut both = 0;
        for (value, shift) in pair.iter().zip([0, 4]) {
            both |= encode_value(value, out) << shift;
        }
        if let Some(place) = out.get_mut(codes + at) {
            *place = both;
        }
    }
}

/// Whether positions are the first ones of a schema, in its order.
pub fn are_first(positions: &[usize]) -> bool {
    positions.iter().copied().eq(0..positions.len())
}

impl<'a> Record<'a> {
    /// Appends codes and data, as a record of these fields alone has them, the fields in this order.
    /// `first` where they are the first ones of the schema in its order; `lead` stands before the
    /// data. False where the string would be longer than `most`; then it is not whole.
    #[inline]
    pub fn pack_into(
        &self,
        positions: &[usize],
        first: bool,
        lead: &[u8],
        out: &mut Vec<u8>,
        most: usize,
    ) -> bool {
        if !first || !self.begins_with(positions.len()) {
            return self.pick_into(positions, lead, out, most);
        }
        let (pairs, last) = (positions.len() / 2, positions.len() % 2);
        let data = self.first_data(positions.len());
        if out.len() + pairs + lead.len() + data.len() >= most {
            return false;
        }
        out.extend_from_slice(self.codes.get(..pairs).unwrap_or_default());
        if last > 0 {
            out.push(self.codes.get(pairs).map_or(0, |pair| pair & 15));
        }
        if !lead.is_empty() {
            out.extend_from_slice(lead);
        }
        out.extend_from_slice(data);
        true
    }

    /// The bytes of the first fields. Mostly what follows them are a few numbers, whose codes say
    /// how long they are.
    #[inline]
    fn first_data(&self, count: usize) -> &'a [u8] {
        let mut behind = 0;
        for place in count..self.layout.fields.len() {
            match code_at(self.codes, place) {
                0 => {}
                code @ 1..=9 => behind += usize::from(code) - 1,
                _ => return self.data.get(..self.start_of(count)).unwrap_or_default(),
            }
        }
        let len = self.data.len().saturating_sub(behind);
        self.data.get(..len).unwrap_or_default()
    }

    /// Where the data of a place begins.
    fn start_of(&self, place: usize) -> usize {
        let rest = (0..place).fold(self.data, |data, before| {
            take(code_at(self.codes, before), data).1
        });
        self.data.len() - rest.len()
    }

    /// [`Record::pack_into`] of any fields, those the layout lacks among them.
    fn pick_into(&self, positions: &[usize], lead: &[u8], out: &mut Vec<u8>, most: usize) -> bool {
        let mut ends: SmallVec<[usize; 24]> = SmallVec::with_capacity(self.layout.fields.len());
        let mut data = self.data;
        for place in 0..self.layout.fields.len() {
            data = take(code_at(self.codes, place), data).1;
            ends.push(self.data.len() - data.len());
        }
        let codes = out.len();
        out.resize(codes + positions.len().div_ceil(2), 0);
        out.extend_from_slice(lead);
        for (at, position) in positions.iter().enumerate() {
            let code = match self.layout.places.get(*position).copied().flatten() {
                Some(place) => {
                    let place = usize::from(place);
                    let start = place
                        .checked_sub(1)
                        .map_or(0, |before| ends.get(before).copied().unwrap_or_default());
                    let end = ends.get(place).copied().unwrap_or_default();
                    let bytes = self.data.get(start..end).unwrap_or_default();
                    if out.len() + bytes.len() > most {
                        return false;
                    }
                    out.extend_from_slice(bytes);
                    code_at(self.codes, place)
                }
                None => encode_value(&self.value(*position), out),
            };
            if let Some(pair) = out.get_mut(codes + at / 2) {
                *pair |= code << (at % 2 * 4);
            }
        }
        out.len() <= most
    }
}
