//! What ends a process once the process that started it is gone: values that are static are never dropped, and a test
//! that is killed drops nothing.

use std::{
    io::Write,
    path::Path,
    process::{Child, Command, Stdio},
};

/// A shell that waits for the end of this process.
pub struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Watches over a process and the folder that it works in.
    pub fn over(process: u32, folder: &Path) -> Watchdog {
        let shell = Command::new("sh")
            .args([
                "-c",
                r#"read _ || { kill -9 "$1"; rm -rf "$2"; }"#,
                "watchdog",
            ])
            .arg(process.to_string())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell to watch over the server");
        Watchdog { shell }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        if let Some(mut leash) = self.shell.stdin.take() {
            // A line says that there is nothing left to end.
            let _ = leash.write_all(b"\n");
        }
        let _ = self.shell.wait();
    }
}
