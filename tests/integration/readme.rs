//! The commands that README.md and the guides show do what is said of them.

use crate::{server::Server, transcript};

/// Types the commands of a document and compares the answers.
#[track_caller]
fn answers_what_is_said(document: &str) {
    let path = format!("{}/{document}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect(document);
    let blocks = redis_blocks(&text);
    assert!(
        !blocks.is_empty(),
        "{document} has no block fenced with ```redis"
    );
    let server = Server::start();
    let mut client = server.connect();
    transcript::transcript(&mut client, &blocks.join("\n"));
}

#[test]
fn the_guide_to_the_change_feed_says_what_is_answered() {
    answers_what_is_said("docs/changes.md");
}

#[test]
fn every_command_in_the_readme_answers_what_the_readme_says() {
    answers_what_is_said("README.md");
}

#[test]
fn every_command_in_the_guide_from_active_record_answers_what_it_says() {
    answers_what_is_said("docs/active-record.md");
}

/// The text of each fenced block tagged `redis`.
fn redis_blocks(markdown: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    let mut open: Option<bool> = None;
    for line in markdown.lines() {
        match (open, line.trim_start().strip_prefix("```")) {
            (None, Some(tag)) => {
                let wanted = tag.trim() == "redis";
                open = Some(wanted);
                if wanted {
                    blocks.push(String::new());
                }
            }
            (Some(_), Some(_)) => open = None,
            (Some(true), None) => {
                if let Some(block) = blocks.last_mut() {
                    block.push_str(line);
                    block.push('\n');
                }
            }
            _ => {}
        }
    }
    blocks
}

#[test]
fn only_blocks_tagged_redis_are_run() {
    let text = "a\n```redis\n> PING\nPONG\n```\n```sh\nrm\n```\nb\n```redis\n> PING\n```\n";
    assert_eq!(redis_blocks(text), ["> PING\nPONG\n", "> PING\n"]);
}
