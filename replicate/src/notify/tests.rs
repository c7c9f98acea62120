use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::Mutex,
    thread,
    time::Duration,
};

use super::*;
use crate::config::{Command, Secret, Webhook};

fn imported() -> Notice {
    let replication = sample(State::Imported);
    let event = Event::State {
        replication: &replication,
    };
    Notice::of("warehouse", &event).expect("a notice")
}

/// A server that answers these, one after the other; hears head and body of each request.
fn listening(
    answers: &'static [&'static str],
) -> (String, thread::JoinHandle<Vec<(String, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "http://{}/secret-path",
        listener.local_addr().expect("an address")
    );
    let heard = thread::spawn(move || {
        let hear = |answer: &&str| {
            let (mut socket, _) = listener.accept().expect("a client");
            let mut lines = BufReader::new(socket.try_clone().expect("a socket"));
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                lines.read_line(&mut head).expect("a line");
            }
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.expect("a length").parse().expect("a number")];
            lines.read_exact(&mut body).expect("a body");
            write!(
                socket,
                "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            )
            .expect("an answer");
            (head, String::from_utf8(body).expect("UTF-8"))
        };
        answers.iter().map(hear).collect()
    });
    (url, heard)
}

fn webhook(url: String) -> Webhook {
    Webhook {
        url: Secret::new(url),
        secret: Some(Secret::new("key")),
        on: Occasion::USUAL.to_vec(),
        retries: 1,
        timeout: Duration::from_secs(10),
    }
}

#[tokio::test]
async fn a_webhook_gets_a_signed_notice_again_until_it_takes_it() {
    let (url, heard) = listening(&["503 Busy", "204 Fine"]);
    let hook = Hook::new(&webhook(url)).expect("a hook");
    hook.tell(&imported()).await.expect("told");
    let heard = heard.join().expect("two requests");
    let [(_, first), (head, second)] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    assert_eq!(first, second);
    let notice: serde_json::Value = serde_json::from_str(second).expect("JSON");
    for (key, value) in [
        ("type", "imported"),
        ("name", "flight"),
        ("target", "warehouse"),
        ("id", "7"),
    ] {
        assert_eq!(notice[key], value);
    }
    assert_eq!(
        (&notice["start"], &notice["finish"]),
        (&1_000.into(), &3_000.into())
    );
    assert_eq!(notice["payload"]["state"], "imported");
    let header = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name));
        line.expect("a header").to_string()
    };
    assert_eq!(
        header("x-yarr-signature: "),
        webhook::signature("key", &header("x-yarr-timestamp: "), second)
    );
}

#[tokio::test]
async fn a_webhook_that_refuses_is_not_asked_again_and_its_path_not_shown() {
    let (url, heard) = listening(&["404 Gone"]);
    let hook = Hook::new(&webhook(url)).expect("a hook");
    let error = hook
        .tell(&imported())
        .await
        .expect_err("refused")
        .at(hook.name())
        .to_string();
    assert_eq!(
        error,
        "webhook 127.0.0.1: expected an answer 2xx, found 404 Not Found"
    );
    assert_eq!(heard.join().expect("a request").len(), 1);
    // Nobody listens there any more.
    let (url, _) = listening(&[]);
    let hook = Hook::new(&Webhook {
        retries: 0,
        ..webhook(url)
    })
    .expect("a hook");
    let error = hook
        .tell(&imported())
        .await
        .expect_err("nobody")
        .to_string();
    assert!(!error.contains("secret"), "{error}");
    for url in ["ftp://h", "x", "http://"] {
        let error = Hook::new(&webhook(url.into()))
            .expect_err("no URL")
            .to_string();
        assert!(
            error.starts_with("expected a URL https://host/path"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_program_gets_the_notice_and_no_failure_reaches_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("told");
    let program = |script: String| Command {
        run: vec!["sh".into(), "-c".into(), script],
        on: vec![Occasion::Imported],
        timeout: Duration::from_millis(500),
    };
    let notify = config::Notify {
        webhook: Vec::new(),
        command: vec![
            program("exit 3".into()),
            program("sleep 1000; true".into()),
            Command {
                timeout: Duration::from_secs(60),
                ..program(format!("cat >> {}", file.display()))
            },
        ],
    };
    let complaints = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&complaints);
    let postman = Postman::start(subscribers(&notify).expect("subscribers"), move |error| {
        heard.lock().expect("a lock").push(error.to_string());
    });
    let listener = postman.listener("warehouse");
    for state in State::ALL {
        listener(&Event::State {
            replication: &sample(state),
        });
    }
    postman.finish().await;
    assert_eq!(
        *complaints.lock().expect("a lock"),
        [
            "command sh: expected exit code 0, found exit status: 3",
            "command sh: expected its end within 500ms; it was killed",
        ]
    );
    let told = fs::read_to_string(file).expect("a file");
    let told: serde_json::Value = serde_json::from_str(&told).expect("one notice");
    assert_eq!(told["type"], "imported");
}
