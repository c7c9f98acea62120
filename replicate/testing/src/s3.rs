//! A server that speaks as much of S3 as a replication asks of it: objects of one bucket in a folder, whole and in
//! parts, lists, conditional creation; requests are let in by their signature (version 4) alone. It can be told to
//! fail.

mod bucket;
mod request;
mod signature;

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

pub(crate) use bucket::{file, keys, read};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;

use crate::runtime::Thread;

/// The key that is let in.
pub const KEY: &str = "AKIAYARRTESTING";
/// Its secret.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+yarr";
/// The region that requests are signed for.
pub const REGION: &str = "eu-west-1";

/// What a request meets instead of being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `503 SlowDown`.
    SlowDown,
    /// `500 InternalError` after the request was carried out: the client cannot know that it was.
    Unsure,
    /// `403 AccessDenied`.
    Denied,
    /// `507 XMinioStorageFull`, as a server of one's own says it.
    Full,
    /// The connection is closed without an answer.
    Closed,
}

/// A running server; dropping it ends it.
pub struct S3 {
    port: u16,
    shared: Arc<Shared>,
    _thread: Thread,
    _folder: TempDir,
}

/// What the connections have in common.
struct Shared {
    folder: PathBuf,
    bucket: String,
    faults: Mutex<VecDeque<(String, Fault)>>,
    seen: Mutex<Vec<String>>,
}

impl S3 {
    /// A server with an empty bucket of this name.
    pub fn start(bucket: &str) -> S3 {
        let folder = TempDir::with_prefix("yarr-s3-").expect("a temporary folder");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let shared = Arc::new(Shared {
            folder: folder.path().to_path_buf(),
            bucket: bucket.into(),
            faults: Mutex::default(),
            seen: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let thread = Thread::serve(listener, move |stream| {
            let shared = Arc::clone(&serving);
            async move {
                let answer = service_fn(|asked| request::serve(&shared, asked));
                // It fails where the client has gone, or where a fault closes the connection.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            }
        });
        S3 {
            port,
            shared,
            _thread: thread,
            _folder: folder,
        }
    }

    /// The place as a client is given it.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.shared.bucket
    }

    /// The objects' keys that begin so, in order.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let mut keys = bucket::keys(&self.shared.folder);
        keys.retain(|key| key.starts_with(prefix));
        keys
    }

    /// An object's bytes.
    pub fn read(&self, key: &str) -> Option<Vec<u8>> {
        bucket::read(&self.shared.folder, key)
    }

    /// Puts an object there, past every check.
    pub fn write(&self, key: &str, bytes: &[u8]) {
        bucket::write(&self.shared.folder, key, bytes).expect("an object");
    }

    /// Takes an object away, past every check.
    pub fn remove(&self, key: &str) {
        bucket::remove(&self.shared.folder, key).expect("an object");
    }

    /// Lets the next request whose `METHOD /path` holds these words meet a fault; told twice, the next two.
    pub fn fail(&self, words: &str, fault: Fault) {
        lock(&self.shared.faults).push_back((words.into(), fault));
    }

    /// Takes back what was told to [`fail`](S3::fail) and has not.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
    }

    /// The requests since this was asked last, as `METHOD /path?query`.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.shared.seen))
    }

    /// Where the objects lie.
    pub(crate) fn folder(&self) -> PathBuf {
        self.shared.folder.clone()
    }
}

impl Shared {
    /// Notes a request, and says what fault it meets.
    fn fault(&self, line: &str) -> Option<Fault> {
        lock(&self.seen).push(line.into());
        let mut faults = lock(&self.faults);
        let at = faults.iter().position(|(words, _)| line.contains(words))?;
        faults.remove(at).map(|(_, fault)| fault)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics with it")
}
