//! Laws: a sorted set does what `BTreeSet<(key, row)>` does, a bitmap what a map of sets does.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
};

use proptest::prelude::*;

use roaring::RoaringBitmap;

use super::{Bitmap, Entries, Index, KeyRange, SortedSet, Spot};

type Model = BTreeSet<(Vec<u8>, u32)>;

/// One change of a set.
#[derive(Clone, Debug)]
enum Change {
    Insert(Vec<u8>, u32),
    /// Some at once, in their order or in any.
    InsertAll(Vec<(Vec<u8>, u32)>, bool),
    Remove(Vec<u8>, u32),
    /// Take out the entry that stands at this fraction of 256 of the set.
    RemoveAt(u8),
}

/// Keys of eight bytes close to each other, so that prefixes are long and rows are shared.
fn near_integers() -> BoxedStrategy<Vec<u8>> {
    let value = prop_oneof![
        0_u64..40,
        1_000_u64..1_600,
        Just(u64::MAX),
        any::<u32>().prop_map(u64::from)
    ];
    value.prop_map(|value| value.to_be_bytes().to_vec()).boxed()
}

/// Random keys of nine bytes.
fn nine_bytes() -> BoxedStrategy<Vec<u8>> {
    prop::collection::vec(any::<u8>(), 9).boxed()
}

/// Strings of different lengths that share prefixes, each with an end mark of its own as the
/// encoding gives it, so that none is a prefix of another.
fn strings() -> BoxedStrategy<Vec<u8>> {
    let tail = prop_oneof!["[ab]{0,6}", "[a-z]{0,40}", "a{0,30}"];
    (
        prop_oneof![Just(""), Just("user:"), Just("user:profile:")],
        tail,
    )
        .prop_map(|(head, tail)| [head.as_bytes(), tail.as_bytes(), b"\0\0"].concat())
        .boxed()
}

/// Any bytes: also keys that are prefixes of others, and the empty one.
fn wild() -> BoxedStrategy<Vec<u8>> {
    let byte = prop_oneof![Just(0_u8), Just(0xFF), any::<u8>()];
    prop::collection::vec(byte, 0..6).boxed()
}

/// Short keys among keys of five thousand bytes that share much or nothing.
fn long() -> BoxedStrategy<Vec<u8>> {
    let long = (any::<bool>(), 0_u16..300).prop_map(|(first, last)| {
        let mut key = vec![b'x'; 5_000];
        if first {
            key[0] = last as u8;
        }
        key.extend(last.to_be_bytes());
        key
    });
    prop_oneof![1 => long, 3 => near_integers()].boxed()
}

/// Long random keys: few to a leaf, so that the tree is tall.
fn tall() -> BoxedStrategy<Vec<u8>> {
    let bytes = |seed: u32| {
        let steps = std::iter::successors(Some(seed | 1), |x| Some(x.wrapping_mul(0x2545_F491)));
        steps.take(300).map(|x| (x >> 24) as u8).collect()
    };
    (0_u32..8_000)
        .prop_map(move |seed| bytes(seed.wrapping_mul(0x9E37_79B9)))
        .boxed()
}

/// Long keys that differ in one early or late byte and at the end: prefixes break, separators are
/// long.
fn brittle() -> BoxedStrategy<Vec<u8>> {
    let at = prop_oneof![Just(0_usize), Just(150), Just(399), 0_usize..400];
    (at, any::<u8>(), 0_u8..20)
        .prop_map(|(at, byte, last)| {
            let mut key = vec![b'p'; 401];
            key[at] = byte;
            key[400] = last;
            key
        })
        .boxed()
}

/// Two keys with very many rows.
fn doubles() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![Just(b"same key".to_vec()), Just(b"same kez".to_vec())].boxed()
}

fn changes(
    key: fn() -> BoxedStrategy<Vec<u8>>,
    rows: u32,
    len: usize,
) -> impl Strategy<Value = Vec<Change>> {
    // Many insertions first, then mostly removals: the tree grows and shrinks.
    let mix = move |inserts: u32, removals: u32| {
        let change = prop_oneof![
            inserts => (key(), 0..rows).prop_map(|(key, row)| Change::Insert(key, row)),
            1 => (prop::collection::vec((key(), 0..rows), 0..20), any::<bool>())
                .prop_map(|(entries, ascend)| Change::InsertAll(entries, ascend)),
            removals => (key(), 0..rows).prop_map(|(key, row)| Change::Remove(key, row)),
            removals => any::<u8>().prop_map(Change::RemoveAt),
        ];
        prop::collection::vec(change, 1..len)
    };
    (mix(20, 1), mix(1, 8)).prop_map(|(grow, shrink)| [grow, shrink].concat())
}

/// An entry and a hint where it stands: none, a good one, or what was one for another entry, perhaps of
/// another set.
fn hinted(set: &SortedSet, key: &[u8], row: u32) -> (Vec<u8>, Option<Spot>) {
    thread_local!(static LAST: Cell<Option<Spot>> = const { Cell::new(None) });
    let entry = [key, &row.to_be_bytes()].concat();
    let spot = match row % 2 {
        0 => set.spot(key),
        _ => set.spot_held(&entry),
    };
    let last = LAST.replace(spot.or(LAST.get()));
    let hint = match row % 3 {
        0 => None,
        1 => spot,
        _ => last,
    };
    set.fetch(hint);
    (entry, hint)
}

/// Makes the change in both, and compares what they say of it.
fn change_both(set: &mut SortedSet, model: &mut Model, change: &Change) {
    match change {
        Change::Insert(key, row) => {
            let (entry, hint) = hinted(set, key, *row);
            let inserted = set.insert_entry(&entry, hint);
            assert_eq!(inserted, model.insert((key.clone(), *row)));
            assert!(set.contains(key, *row));
        }
        Change::InsertAll(entries, ascend) => {
            let (mut entries, mut all) = (entries.clone(), Entries::default());
            if *ascend {
                entries.sort();
            }
            for (key, row) in entries {
                all.push(row, |bytes| bytes.extend_from_slice(&key));
                model.insert((key, row));
            }
            set.insert_all(&all);
        }
        Change::Remove(key, row) => {
            let (entry, hint) = hinted(set, key, *row);
            let removed = set.remove_entry(&entry, hint);
            assert_eq!(removed, model.remove(&(key.clone(), *row)));
            assert!(!set.contains(key, *row));
        }
        Change::RemoveAt(part) => {
            let rank = set.len() * u64::from(*part) / 256;
            let mut walk = set.walk(&KeyRange::all());
            walk.skip_front(rank);
            let Some(row) = walk.next() else { return };
            let mut key = Vec::new();
            walk.key_into(&mut key);
            let (entry, hint) = hinted(set, &key, row);
            assert!(set.remove_entry(&entry, hint));
            assert!(model.remove(&(key, row)));
        }
    }
}

/// The entries of the model as byte strings, in the set's order.
fn entries(model: &Model) -> Vec<(Vec<u8>, Vec<u8>, u32)> {
    let mut entries: Vec<_> = model
        .iter()
        .map(|(key, row)| {
            (
                [key.as_slice(), &row.to_be_bytes()].concat(),
                key.clone(),
                *row,
            )
        })
        .collect();
    entries.sort();
    entries
}

fn agree(set: &SortedSet, model: &Model, bounds: &[Vec<u8>]) {
    set.check().unwrap();
    assert_eq!(set.len(), model.len() as u64);
    let entries = entries(model);
    whole_walks_agree(set, &entries);
    for key in bounds {
        let below = entries.partition_point(|(entry, ..)| entry < key) as u64;
        assert_eq!(set.rank(key), below, "rank of {key:?}");
        let first = model
            .range((key.clone(), 0)..=(key.clone(), u32::MAX))
            .next();
        assert_eq!(
            set.first(key),
            first.map(|(_, row)| *row),
            "first of {key:?}"
        );
        range_agrees(set, &entries, &KeyRange::prefix(key));
    }
    for pair in bounds.windows(2) {
        let [low, high] = pair else { unreachable!() };
        range_agrees(
            set,
            &entries,
            &KeyRange {
                low: low.clone(),
                high: Some(high.clone()),
            },
        );
        range_agrees(
            set,
            &entries,
            &KeyRange {
                low: low.clone(),
                high: None,
            },
        );
    }
}

fn whole_walks_agree(set: &SortedSet, entries: &[(Vec<u8>, Vec<u8>, u32)]) {
    let rows: Vec<u32> = entries.iter().map(|(.., row)| *row).collect();
    let all = KeyRange::all();
    assert_eq!(set.walk(&all).collect::<Vec<_>>(), rows);
    let mut back: Vec<u32> = set.walk(&all).rev().collect();
    back.reverse();
    assert_eq!(back, rows);

    let (mut walk, mut key) = (set.walk(&all), Vec::new());
    for (i, (_, expected, row)) in entries.iter().enumerate() {
        assert_eq!(walk.next(), Some(*row));
        key.clear();
        walk.key_into(&mut key);
        assert_eq!(&key, expected);
        let same = i > 0 && entries[i - 1].1 == *expected;
        assert_eq!(walk.same_key_as_last(), same, "entry {i}");
    }
    assert_eq!(walk.next(), None);
    let twice = entries.windows(2).any(|two| two[0].1 == two[1].1);
    assert_eq!(set.has_key_twice(), twice);
    let mut walk = set.walk(&all);
    for (i, (_, expected, row)) in entries.iter().enumerate().rev() {
        assert_eq!(walk.next_back(), Some(*row));
        key.clear();
        walk.key_into(&mut key);
        assert_eq!(&key, expected);
        let same = entries
            .get(i + 1)
            .is_some_and(|(_, next, _)| next == expected);
        assert_eq!(walk.same_key_as_last(), same, "entry {i}");
    }
}

fn range_agrees(set: &SortedSet, entries: &[(Vec<u8>, Vec<u8>, u32)], range: &KeyRange) {
    let expected: Vec<u32> = entries
        .iter()
        .filter(|(entry, ..)| range.contains(entry))
        .map(|(.., row)| *row)
        .collect();
    assert_eq!(
        set.count(range),
        expected.len() as u64,
        "count of {range:?}"
    );
    let mut walk = set.walk(range);
    assert_eq!(walk.remaining(), expected.len() as u64);
    // A group of equal keys that began before the range begins anew in it.
    assert_eq!(walk.clone().next(), expected.first().copied());
    assert!(walk.next().is_none() || !walk.same_key_as_last());
    let mut walk = set.walk(range);
    assert_eq!(walk.clone().next_back(), expected.last().copied());
    assert!(walk.next_back().is_none() || !walk.same_key_as_last());
    let walk = set.walk(range);
    assert_eq!(walk.collect::<Vec<_>>(), expected, "walk of {range:?}");
    let mut rows = Vec::new();
    set.walk(range).each_range(|some| rows.extend(some));
    let expected: Vec<u64> = expected.into_iter().map(u64::from).collect();
    assert_eq!(rows, expected, "ranges of {range:?}");
}

/// Steps from both ends with skips between them meet where they should.
fn mixed_walk_agrees(set: &SortedSet, model: &Model, steps: &[(bool, u16)]) {
    let entries = entries(model);
    let (mut walk, mut low, mut high) = (set.walk(&KeyRange::all()), 0, entries.len());
    for (front, skip) in steps {
        let skip = (*skip as usize).min(high - low);
        let (row, index);
        if *front {
            walk.skip_front(skip as u64);
            low += skip;
            index = low;
            row = walk.next();
        } else {
            walk.skip_back(skip as u64);
            high -= skip;
            index = high.wrapping_sub(1);
            row = walk.next_back();
        }
        if low == high {
            assert_eq!(row, None);
            return;
        }
        if *front {
            low += 1
        } else {
            high -= 1
        }
        assert_eq!(row, Some(entries[index].2));
        let mut key = Vec::new();
        walk.key_into(&mut key);
        assert_eq!(key, entries[index].1);
        assert_eq!(walk.remaining(), (high - low) as u64);
    }
}

fn behaves(changes: &[Change], bounds: &[Vec<u8>], steps: &[(bool, u16)]) {
    let (mut set, mut model) = (SortedSet::new(), Model::new());
    for batch in changes.chunks(400) {
        for change in batch {
            change_both(&mut set, &mut model, change);
        }
        agree(&set, &model, bounds);
        mixed_walk_agrees(&set, &model, steps);
    }
    let bulk = SortedSet::from_sorted(entries(&model).into_iter().map(|(_, key, row)| (key, row)));
    agree(&bulk, &model, bounds);
    while let Some((key, row)) = model.pop_first() {
        assert!(set.remove(&key, row));
    }
    set.check().unwrap();
    assert!(set.is_empty());
    assert_eq!(set.bytes(), 0);
}

fn steps() -> impl Strategy<Value = Vec<(bool, u16)>> {
    prop::collection::vec(
        (
            any::<bool>(),
            prop_oneof![Just(0_u16), 0_u16..5, 0_u16..500],
        ),
        1..60,
    )
}

macro_rules! law {
    ($name:ident, $key:ident, rows $rows:expr, changes $len:expr, cases $cases:expr) => {
        proptest! {
            #![proptest_config(ProptestConfig { cases: $cases, max_shrink_iters: 2_000, ..ProptestConfig::default() })]
            #[test]
            fn $name(
                changes in changes($key, $rows, $len),
                bounds in prop::collection::vec(prop_oneof![$key(), wild()], 2..12),
                steps in steps(),
            ) {
                behaves(&changes, &bounds, &steps);
            }
        }
    };
}

law!(near_integers_behave, near_integers, rows 3_000, changes 4_000, cases 16);
law!(few_rows_behave, near_integers, rows 300, changes 3_000, cases 12);
law!(nine_byte_keys_behave, nine_bytes, rows 1_000_000, changes 4_000, cases 16);
law!(strings_behave, strings, rows 50, changes 3_000, cases 16);
law!(wild_keys_behave, wild, rows 70_000, changes 3_000, cases 16);
law!(long_keys_behave, long, rows 40, changes 900, cases 10);
law!(tall_trees_behave, tall, rows 2, changes 5_000, cases 12);
law!(brittle_prefixes_behave, brittle, rows 3, changes 4_000, cases 12);
law!(doubles_behave, doubles, rows 9_000, changes 6_000, cases 10);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn rows_of_a_value_behave_in_a_list_and_in_segments(
        runs in prop::collection::vec((any::<bool>(), 0_u32..200, 1_u32..120, 1_u32..2000), 1..12),
    ) {
        let (mut bitmap, mut model) = (Bitmap::new(), BTreeSet::new());
        for (insert, start, rows, stride) in runs {
            for row in (0..rows).map(|n| start + n * stride) {
                match insert {
                    true => prop_assert_eq!(bitmap.insert(b"k", row), model.insert(row)),
                    false => prop_assert_eq!(bitmap.remove(b"k", row), model.remove(&row)),
                }
            }
            bitmap.check().unwrap();
            let others: RoaringBitmap = (0..300_000).step_by(3).collect();
            let rows = bitmap.get(b"k");
            prop_assert_eq!(rows.is_some(), !model.is_empty());
            let Some(rows) = rows else { continue };
            prop_assert_eq!(rows.len(), model.len() as u64);
            prop_assert_eq!(rows.first(), model.first().copied());
            prop_assert!(rows.bits().iter().eq(model.iter().copied()));
            prop_assert_eq!(rows.common(&others), model.iter().filter(|row| **row % 3 == 0 && **row < 300_000).count() as u64);
            prop_assert!(model.iter().all(|row| rows.contains(*row)) && !rows.contains(400_001));
        }
        for row in &model {
            bitmap.remove(b"k", *row);
        }
        bitmap.check().unwrap();
        prop_assert_eq!((bitmap.bytes(), bitmap.len()), (0, 0));
    }

    #[test]
    fn a_bitmap_behaves(
        changes in prop::collection::vec((any::<bool>(), strings(), 0_u32..200_000), 1..600),
        bounds in prop::collection::vec(strings(), 2..6),
    ) {
        let (mut bitmap, mut model) = (Bitmap::new(), BTreeMap::<Vec<u8>, BTreeSet<u32>>::new());
        for (insert, key, row) in changes {
            let row = row % 70_000;
            if insert {
                prop_assert_eq!(bitmap.insert(&key, row), model.entry(key).or_default().insert(row));
            } else {
                let removed = model.get_mut(&key).is_some_and(|rows| rows.remove(&row));
                prop_assert_eq!(bitmap.remove(&key, row), removed);
                model.retain(|_, rows| !rows.is_empty());
            }
        }
        bitmap.check().unwrap();
        let values: Vec<(Vec<u8>, u64)> = bitmap.values().map(|(key, rows)| (key.to_vec(), rows.len())).collect();
        let expected: Vec<_> = model.iter().map(|(key, rows)| (key.clone(), rows.len() as u64)).collect();
        prop_assert_eq!(values, expected);
        for pair in bounds.windows(2) {
            let range = KeyRange { low: pair[0].clone(), high: Some(pair[1].clone()) };
            let rows: Vec<_> = model.iter().filter(|(key, _)| range.contains(key)).map(|(_, rows)| rows).collect();
            let union: BTreeSet<u32> = rows.iter().flat_map(|rows| rows.iter().copied()).collect();
            prop_assert_eq!(bitmap.count(&range), rows.iter().map(|rows| rows.len() as u64).sum::<u64>());
            prop_assert_eq!(bitmap.rows(&range).into_iter().collect::<Vec<_>>(), union.into_iter().collect::<Vec<_>>());
        }
    }
}

/// A key as an INTEGER field gives it.
fn integer(value: u64) -> [u8; 8] {
    (value ^ 1 << 63).to_be_bytes()
}

#[test]
fn ascending_entries_fill_their_leaves() {
    let mut set = SortedSet::new();
    for i in 0..60_000_u32 {
        assert!(set.insert(&integer(1_700_000_000 + u64::from(i)), i));
    }
    set.check().unwrap();
    let per_entry = set.bytes() as f64 / 60_000.0;
    assert!(per_entry < 7.5, "{per_entry} bytes an entry");
}

#[test]
fn a_queue_keeps_its_size() {
    let mut set = SortedSet::new();
    for i in 0..100_000_u32 {
        assert!(set.insert(&integer(u64::from(i)), i));
        if let Some(old) = i.checked_sub(5_000) {
            assert_eq!(set.walk(&KeyRange::all()).next(), Some(old));
            assert!(set.remove(&integer(u64::from(old)), old));
        }
    }
    set.check().unwrap();
    assert_eq!(set.len(), 5_000);
    assert!(set.bytes() < 5_000 * 8, "{} bytes", set.bytes());
}

#[test]
fn thinned_out_leaves_are_joined() {
    let mut set = SortedSet::from_sorted((0..50_000_u32).map(|i| (integer(u64::from(i)), i)));
    let full = set.bytes();
    for i in (0..50_000_u32).filter(|i| i % 50 != 0) {
        assert!(set.remove(&integer(u64::from(i)), i));
    }
    set.check().unwrap();
    assert!(set.bytes() < full / 25, "{} bytes of {full}", set.bytes());
}

#[test]
fn descending_and_scattered_entries_stay_small() {
    for step in [99_999_u32, 61_803] {
        let mut set = SortedSet::new();
        for i in 0..100_000_u32 {
            let row = (u64::from(i) * u64::from(step) % 100_000) as u32;
            assert!(set.insert(&integer(u64::from(row) / 10), row));
        }
        set.check().unwrap();
        let per_entry = set.bytes() as f64 / 100_000.0;
        assert!(per_entry < 7.0, "{per_entry} bytes an entry at step {step}");
    }
}

#[test]
fn entries_of_seventy_kilobytes_fit() {
    let (mut set, mut model) = (SortedSet::new(), Model::new());
    for i in 0..120_u32 {
        let mut key = vec![b'k'; 70_000];
        let at = [0, 69_999, 35_000][i as usize % 3];
        key[at] = (i * 7 % 251) as u8;
        assert!(set.insert(&key, i));
        assert!(model.insert((key, i)));
        assert!(set.insert(&integer(u64::from(i)), i));
        assert!(model.insert((integer(u64::from(i)).to_vec(), i)));
    }
    agree(&set, &model, &[vec![b'k'; 70_000], vec![b'k'; 10]]);
    for (key, row) in &model {
        assert!(set.remove(key, *row));
    }
    set.check().unwrap();
    assert_eq!(set.bytes(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    /// Stretches of entries whose rows count up with their keys, but for those turned around, come and
    /// go.
    #[test]
    fn rows_in_step_are_met_as_they_are(
        stretches in prop::collection::vec((any::<bool>(), 0_u32..2000, 1_u32..900, prop_oneof![4 => Just(0), 1 => 0_u32..9]), 1..8),
        bounds in prop::collection::vec(0_u64..3000, 2),
    ) {
        let (mut set, mut model) = (SortedSet::new(), Model::new());
        for (insert, first, count, turn) in stretches {
            for n in first..first + count {
                let (key, row) = (integer(u64::from(n)).to_vec(), n ^ turn);
                change_both(&mut set, &mut model, &match insert {
                    true => Change::Insert(key, row),
                    false => Change::Remove(key, row),
                });
            }
            set.check().unwrap();
            let bounds: Vec<Vec<u8>> = bounds.iter().map(|n| integer(*n).to_vec()).collect();
            agree(&set, &model, &bounds);
        }
    }
}

#[test]
fn leaves_of_entries_made_in_order_are_in_step() {
    let ranges = |set: &SortedSet| {
        let mut ranges = 0;
        set.walk(&KeyRange::all()).each_range(|_| ranges += 1);
        ranges
    };
    let entries = (0..10_000_u32).map(|n| (integer(u64::from(n)), n));
    let mut set = SortedSet::new();
    for (key, row) in entries.clone() {
        set.insert(&key, row);
    }
    assert!(ranges(&set) < 100, "{} ranges", ranges(&set));
    assert!(ranges(&SortedSet::from_sorted(entries)) < 100);
    // One from the middle of a leaf, and all before it: the leaf is no longer in step, others are.
    for n in (0..=5_000).rev() {
        set.remove(&integer(u64::from(n)), n);
    }
    let all = set.len() as usize;
    assert!(ranges(&set) < all / 4, "{} ranges", ranges(&set));
}

#[test]
fn bulk_building_takes_strays() {
    let pairs = [("b", 1), ("a", 2), ("b", 1), ("c", 3), ("b", 9)];
    let set = SortedSet::from_sorted(pairs);
    set.check().unwrap();
    assert_eq!(set.walk(&KeyRange::all()).collect::<Vec<_>>(), [2, 1, 9, 3]);
}

#[test]
fn both_kinds_of_index_answer_to_the_same_verbs() {
    for mut index in [
        Index::SortedSet(SortedSet::new()),
        Index::Bitmap(Bitmap::new()),
    ] {
        assert!(index.is_empty());
        assert!(index.insert(b"open", 7) && index.insert(b"open", 8) && index.insert(b"shut", 7));
        assert!(!index.insert(b"open", 7));
        assert_eq!(index.count(&KeyRange::prefix(b"open")), 2);
        assert!(index.contains(b"open", 8) && !index.contains(b"shut", 8));
        assert_eq!(index.len(), 3);
        assert!(index.bytes() > 0);
        index.check().unwrap();
        assert!(index.remove(b"open", 8) && !index.remove(b"open", 8));
        assert_eq!(index.count(&KeyRange::all()), 2);
    }
}
