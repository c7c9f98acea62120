//! A server of this crate: a thread of its own with a runtime, ended with its value.

use std::{net::TcpListener, thread::JoinHandle};

use tokio::{sync::oneshot, task::LocalSet};

/// A thread that serves.
pub struct Thread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Thread {
    /// Serves what connects to a listener: `serve` is called for each connection, and dropped with the thread.
    pub fn serve<F, S>(listener: TcpListener, serve: F) -> Thread
    where
        F: Fn(tokio::net::TcpStream) -> S + Send + 'static,
        S: Future<Output = ()> + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            let local = LocalSet::new();
            local.block_on(&runtime, async move {
                listener.set_nonblocking(true).expect("a socket");
                let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
                let accept = async {
                    loop {
                        if let Ok((stream, _)) = listener.accept().await {
                            let _ = stream.set_nodelay(true);
                            tokio::task::spawn_local(serve(stream));
                        }
                    }
                };
                tokio::select! { () = accept => {}, _ = stopped => {} }
            });
        });
        Thread {
            stop: Some(stop),
            thread: Some(thread),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for something on a runtime of its own; called on any thread, of a runtime too.
pub fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().expect("a runtime");
            runtime.block_on(future)
        });
        waiting.join().expect("what waits")
    })
}
