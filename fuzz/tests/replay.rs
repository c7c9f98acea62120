//! The corpus of each target, and as many mutations of it as MUTATIONS says (20,000), SEED giving others.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::Path,
};

use yarr_fuzz::{TARGETS, mutation::mutate, random::Random};

fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name);
    text.map_or(otherwise, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name} is no number: {text}"))
    })
}

fn replay(name: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (_, run) = TARGETS
        .into_iter()
        .find(|target| target.0 == name)
        .expect("a target");
    let folder = fs::read_dir(root.join("corpus").join(name)).expect("a corpus");
    let mut paths: Vec<_> = folder.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let corpus: Vec<Vec<u8>> = paths
        .iter()
        .map(|path| fs::read(path).expect("an input"))
        .collect();
    assert!(!corpus.is_empty(), "the corpus is empty");
    let try_one = |input: &[u8], from: &str| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(input))) {
            let folder = root.join("artifacts").join(name);
            fs::create_dir_all(&folder).expect("a folder for what failed");
            let path = folder.join(format!("replay-{:08x}", crc32fast::hash(input)));
            fs::write(&path, input).expect("what failed is kept");
            eprintln!("{from} fails and is kept as {}", path.display());
            resume_unwind(panic);
        }
    };
    for (path, input) in paths.iter().zip(&corpus) {
        try_one(input, &path.display().to_string());
    }
    let (mutations, seed) = (number("MUTATIONS", 20_000), number("SEED", 20_240_601));
    let mut random = Random::new(seed ^ u64::from(crc32fast::hash(name.as_bytes())));
    for number in 0..mutations {
        try_one(
            &mutate(&corpus, &mut random),
            &format!("mutation {number} of seed {seed}"),
        );
    }
    println!("{name}: {} inputs, {mutations} mutations", corpus.len());
}

#[test]
fn commands_keep_their_promises() {
    replay("commands");
}

#[test]
fn queries_answer_what_a_plain_list_says() {
    replay("query");
}

#[test]
fn payloads_are_refused_or_make_a_sound_table() {
    replay("payload");
}

#[test]
fn effects_are_refused_whole_or_make_a_sound_table() {
    replay("effects");
}

#[test]
fn cursors_are_refused_or_answer_right_rows() {
    replay("cursor");
}

#[test]
fn values_read_and_order_as_the_standard_library_says() {
    replay("values");
}
