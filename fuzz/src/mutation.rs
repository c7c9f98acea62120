//! Inputs made of other inputs, for runs without libFuzzer.

use crate::random::Random;

/// No input is longer.
const LONGEST: usize = 4096;

/// An input of the corpus, with a few of its bytes changed, copied or taken from another input.
pub fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let one = |random: &mut Random| {
        corpus
            .get(random.below(corpus.len()))
            .cloned()
            .unwrap_or_default()
    };
    let mut input = one(random);
    for _ in 0..=random.below(6) {
        let at = random.below(input.len() + 1);
        let to = (at + 1 + random.below(16)).min(input.len());
        match random.below(6) {
            0 => input.insert(at, random.word() as u8),
            1 => drop(input.drain(at.min(to)..to)),
            2 => {
                let part = input[at.min(to)..to].to_vec();
                let place = random.below(input.len() + 1);
                input.splice(place..place, part);
            }
            3 => {
                let other = one(random);
                let from = random.below(other.len() + 1);
                let end = (from + random.below(64)).min(other.len());
                input.splice(at..at, other[from..end].iter().copied());
            }
            4 => input
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte ^= 1 << random.below(8)),
            _ => input
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte = random.word() as u8),
        }
    }
    input.truncate(LONGEST);
    input
}
