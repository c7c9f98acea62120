//! A folder to work in and the tool run in it. Each of the test targets takes this in by `#[path]`.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test target uses its own part of the harness"
)]

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;
pub use yarr_client_testing::{Server, eventually};

/// A folder with a `yarr.toml`, as an application has one.
pub struct Project {
    folder: TempDir,
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Project {
        let folder = TempDir::with_prefix("yarr-cli-").expect("a temporary folder");
        Project { folder }
    }

    /// A folder whose environment `test` has these servers.
    pub fn new(servers: &[&Server]) -> Project {
        let urls: Vec<String> = servers.iter().map(|server| server.url("")).collect();
        Project::of_urls(&urls)
    }

    /// A folder whose environment `test` has these servers.
    pub fn of_urls(urls: &[String]) -> Project {
        let project = Project::empty();
        let text = format!("environment = \"test\"\n\n[environments.test]\nservers = {urls:?}\n");
        project.write("yarr.toml", &text);
        project
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders it lies in.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, text).expect("a file");
        path
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a file")
    }

    /// Writes a migration, `20200504000000_create_user_session` for instance.
    pub fn migration(&self, stem: &str, text: &str) -> PathBuf {
        self.write(&format!("db/yarr/{stem}.yarr"), text)
    }

    /// The tool, to be run in the folder; of the surroundings only the path.
    pub fn command<W: AsRef<str>>(&self, words: &[W]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yarr"));
        command
            .args(words.iter().map(AsRef::as_ref))
            .current_dir(self.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    /// Runs the tool with words that blanks part.
    pub fn yarr(&self, line: &str) -> Run {
        self.run(&line.split_whitespace().collect::<Vec<_>>())
    }

    /// Runs the tool.
    pub fn run<W: AsRef<str>>(&self, words: &[W]) -> Run {
        Run::of(self.command(words).output().expect("the tool"))
    }

    /// Runs the tool with this at its stdin.
    pub fn run_with<W: AsRef<str>>(&self, words: &[W], input: &[u8]) -> Run {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool");
        let mut stdin = child.stdin.take().expect("its stdin");
        let input = input.to_vec();
        let writer = std::thread::spawn(move || {
            // It may well want no more of it.
            let _ = stdin.write_all(&input);
        });
        let output = child.wait_with_output().expect("the tool");
        writer.join().expect("what writes");
        Run::of(output)
    }
}

/// What a run of the tool came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// What it answered.
    pub stdout: String,
    /// What it said beside.
    pub stderr: String,
}

impl Run {
    /// The run of this output.
    pub fn of(output: Output) -> Run {
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// The answer, of a run that did what it was to do.
    #[track_caller]
    pub fn done(&self) -> &str {
        assert_eq!(self.code, 0, "{self:#?}");
        &self.stdout
    }

    /// The answer as words in lines, of a run that did what it was to do.
    #[track_caller]
    pub fn table(&self) -> Vec<Vec<&str>> {
        let lines = self.done().lines();
        lines
            .map(|line| line.split_whitespace().collect())
            .collect()
    }

    /// What was said, of a run that ended with this code.
    #[track_caller]
    pub fn refused(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{self:#?}");
        &self.stderr
    }
}
