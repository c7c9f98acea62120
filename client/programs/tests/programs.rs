//! Each program against a server of its own.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use yarr_client_testing::Server;

fn run(program: &str, server: &Server, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("REDIS_URL", server.url(""))
        .output()
        .expect("the program runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_leaderboard_shows_the_best_and_keeps_scores() {
    let server = Server::start();
    let program = env!("CARGO_BIN_EXE_leaderboard");
    let first = "The best:\n  50 cy (NZ)\n  45 bob (NO)\n  40 dee (KE)\n\
        eve is number 5\n10 to go to ann\n\
        By country:\n  NZ: best 50, mean 40 of 2\n  NO: best 45, mean 32.5 of 2\n  KE: best 40, mean 40 of 1\n";
    assert_eq!(run(program, &server, &[]), first);
    let second = run(program, &server, &[]);
    assert!(
        second.starts_with("The best:\n  100 cy (NZ)\n  90 bob (NO)\n"),
        "{second}"
    );
}

#[test]
fn every_job_is_done_once_by_whoever_takes_it() {
    let server = Server::start();
    let program = env!("CARGO_BIN_EXE_jobs");
    assert_eq!(run(program, &server, &["add", "100"]), "added 100\n");
    let workers: Vec<Child> = (0..4)
        .map(|_| {
            let mut worker = Command::new(program);
            worker
                .arg("work")
                .env("REDIS_URL", server.url(""))
                .stdout(Stdio::piped());
            worker.spawn().expect("a worker")
        })
        .collect();
    let mut attempts = 0;
    for worker in workers {
        let output = worker.wait_with_output().expect("a worker ends");
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).expect("text");
        let done = text
            .strip_prefix("did ")
            .and_then(|n| n.trim().parse::<u64>().ok());
        attempts += done.expect("a number of attempts");
    }
    // Of a hundred nine succeed at the second attempt, and one fails at all three.
    assert_eq!(attempts, 90 + 9 * 2 + 3);
    assert_eq!(
        run(program, &server, &["show"]),
        "Done: 99 jobs in 108 tries\nFailed: 1 jobs in 3 tries\n"
    );
}

/// The web service, ended with its value.
struct Service {
    process: Child,
    address: String,
}

impl Service {
    fn start(server: &Server) -> Service {
        let mut process = Command::new(env!("CARGO_BIN_EXE_sessions"))
            .env("REDIS_URL", server.url(""))
            .env("ADDRESS", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service");
        let mut line = String::new();
        let output = process.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .expect("its address")
            .into();
        Service { process, address }
    }

    /// The status and body that a request is answered.
    fn ask(&self, method: &str, path: &str, token: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        (
            status.expect("a status"),
            serde_json::from_str(body).unwrap_or(Value::Null),
        )
    }

    fn log_in(&self, user: i64, device: &str) -> String {
        let login = json!({ "user_id": user, "device": device });
        let (status, token) = self.ask("POST", "/login", "", &login);
        assert_eq!(status, 201);
        token.as_str().expect("a token").into()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn sessions_are_begun_used_seen_and_ended() {
    let mut server = Server::start();
    let service = Service::start(&server);
    let none = &Value::Null;
    let [phone, laptop] = ["phone", "laptop"].map(|device| service.log_in(42, device));
    let other = service.log_in(7, "tablet");
    assert_eq!(
        service.ask("GET", "/me", &phone, none),
        (200, json!({ "user_id": 42, "device": "phone" }))
    );
    for token in ["", "nonsense", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(service.ask("GET", "/me", token, none).0, 401);
    }
    let (status, seen) = service.ask("GET", "/users/42/sessions", &other, none);
    let devices: Vec<&str> = seen
        .as_array()
        .expect("sessions")
        .iter()
        .filter_map(|s| s["device"].as_str())
        .collect();
    assert_eq!((status, devices), (200, vec!["laptop", "phone"]));

    // Using a session lets it live two hours more.
    let mut connection = server.connect();
    let mut expiry = || -> i64 {
        let find = redis::cmd("YARR.FIND")
            .arg(&["web_session", &phone, "RETURN", "expires_at"])
            .to_owned();
        find.query::<Vec<String>>(&mut connection)
            .expect("a session")[1]
            .parse()
            .expect("a time")
    };
    redis::cmd("YARR.UPDATE")
        .arg(&["web_session", &phone, "EX", "5"])
        .exec(&mut server.connect())
        .expect("a change");
    let before = expiry();
    assert_eq!(service.ask("GET", "/me", &phone, none).0, 200);
    assert!(expiry() > before + 7_000_000);

    assert_eq!(service.ask("DELETE", "/session", &laptop, none).0, 204);
    assert_eq!(service.ask("GET", "/me", &laptop, none).0, 401);
    service.log_in(42, "car");
    assert_eq!(
        service.ask("DELETE", "/sessions", &phone, none),
        (200, json!(2))
    );
    assert_eq!(service.ask("GET", "/me", &phone, none).0, 401);
    assert_eq!(service.ask("GET", "/me", &other, none).0, 200);

    server.kill();
    assert_eq!(service.ask("GET", "/me", &other, none).0, 503);
}
