//! The commands that README.md shows do what it says they do.

use crate::{server::Server, transcript};

#[test]
fn every_command_in_the_readme_answers_what_the_readme_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let text = std::fs::read_to_string(path).expect("README.md at the root of the workspace");
    let blocks = redis_blocks(&text);
    assert!(
        !blocks.is_empty(),
        "README.md has no block fenced with ```redis"
    );
    let server = Server::start();
    let mut client = server.connect();
    transcript::transcript(&mut client, &blocks.join("\n"));
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
