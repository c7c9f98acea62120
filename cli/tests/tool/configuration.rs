//! `yarr.toml`, the flags and the variables.

use crate::harness::{Project, Run, Server};

#[test]
fn what_init_writes_is_read() {
    let server = Server::start();
    let project = Project::empty();
    assert_eq!(project.yarr("init").done(), "wrote yarr.toml\n");
    let again = project.yarr("init");
    assert_eq!(
        again.refused(2),
        "error: there is a yarr.toml already; it is left as it is\n"
    );
    let text = project.read("yarr.toml");
    // Also with all that stands there in comments.
    let key = |line: &str| line.split(' ').nth(2) == Some("=") || line.starts_with("# [env");
    let mut inside = false;
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            inside |= line == "# servers = [";
            match line.strip_prefix("# ") {
                Some(rest) if inside || key(line) => rest.into(),
                _ => line.into(),
            }
        })
        .collect();
    let all = lines
        .join("\n")
        .replace("127.0.0.1:6379", &format!("127.0.0.1:{}", server.port()));
    assert!(
        all.contains("\n[environments.production]\nservers = [\n") && all.contains("\nlease = "),
        "{all}"
    );
    project.write("yarr.toml", &all);
    assert_eq!(
        project.yarr("version").table()[1],
        [&format!("127.0.0.1:{}", server.port()), "-", "-"]
    );
    assert_eq!(
        project.yarr("version --env test").table()[1],
        [&format!("127.0.0.1:{}/1", server.port()), "-", "-"]
    );
    let mut production = project.command(&["version", "--env", "production", "--server", "sesion"]);
    let production = Run::of(production.env("REDIS_PASSWORD", "x").output().unwrap());
    assert_eq!(
        production.refused(2),
        "error: there is no server 'sesion'; did you mean 'sessions'?\n"
    );
}

#[test]
fn flags_come_before_variables_and_these_before_the_file() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let urls: Vec<String> = servers.iter().map(|server| server.url("")).collect();
    let names = [0, 1, 2].map(|n: usize| format!("127.0.0.1:{}", servers[n].port()));
    let project = Project::empty();
    project.write(
        "yarr.toml",
        &format!(
            "environment = \"a\"\n[environments.a]\nservers = [{:?}]\n[environments.b]\nservers = [{:?}]\n",
            urls[0], urls[1]
        ),
    );
    let at = |words: &str, variables: &[(&str, &str)]| {
        let mut command = project.command(&words.split_whitespace().collect::<Vec<_>>());
        let run = Run::of(command.envs(variables.iter().copied()).output().unwrap());
        let table = run.table();
        table[1..]
            .iter()
            .map(|row| row[0].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(at("version", &[]), [names[0].clone()]);
    assert_eq!(at("version", &[("YARR_ENV", "b")]), [names[1].clone()]);
    assert_eq!(
        at(
            "version --env a",
            &[("YARR_ENV", "b"), ("YARR_URL", &urls[2])]
        ),
        [names[0].clone()]
    );
    assert_eq!(
        at("version", &[("YARR_ENV", "b"), ("YARR_URL", &urls[2])]),
        [names[2].clone()]
    );
    let two = format!("version --url {} --url {} --env a", urls[2], urls[1]);
    assert_eq!(at(&two, &[]), [names[2].clone(), names[1].clone()]);
    // From a folder below it is the same file, and the same migrations.
    project.migration("1_a", "up\n  redis\n    INCR n\ndown\n");
    std::fs::create_dir(project.path().join("src")).unwrap();
    let run = project
        .command(&["migrate"])
        .current_dir(project.path().join("src"))
        .output()
        .unwrap();
    assert!(Run::of(run).done().contains(" up "));
    let run = project.yarr("schema --url redis://127.0.0.1:1 --url redis://127.0.0.1:2");
    assert_eq!(
        run.refused(2),
        "error: expected one server, found several; name one with --server: 127.0.0.1:1, 127.0.0.1:2\n"
    );
}

#[test]
fn what_is_wrong_with_the_file_is_said_with_its_place() {
    let project = Project::empty();
    for (text, expected) in [
        (
            "enviroment = 1",
            "yarr.toml:1:1: unknown key 'enviroment'; did you mean 'environment'?",
        ),
        (
            "x = 1",
            "yarr.toml:1:1: unknown key 'x'; expected one of environment, environments, folder, set, lease, timeout, protect",
        ),
        (
            "[environments.a]\n  server = []",
            "yarr.toml:2:3: unknown key 'server' in [environments.a]; did you mean 'servers'?",
        ),
        (
            "[environments.a]\nservers = [{ url = \"redis://a\", cer = 1 }]",
            "yarr.toml:2:33: unknown key 'cer' of a server; did you mean 'cert'?",
        ),
        (
            "[environments]\na = 1",
            "yarr.toml:2:1: expected a table [environments.a]",
        ),
        (
            "environment = ",
            "yarr.toml:1:15: string values must be quoted, expected literal string",
        ),
        (
            "environment = 5",
            "yarr.toml:1:15: invalid type: integer `5`, expected a string",
        ),
        (
            "[environments.prod]\nservers = []",
            "there is no environment 'development' in yarr.toml, which has prod",
        ),
        (
            "environment = \"prd\"\n[environments.prod]\nservers = []",
            "there is no environment 'prd' in yarr.toml; did you mean 'prod'?",
        ),
        (
            "environment = \"prod\"\n[environments.prod]\nservers = []",
            "yarr.toml: environment 'prod': expected servers = [\"redis://host:port\"], found none",
        ),
        (
            "environment = \"a\"\n[environments.a]\nservers = [\"redis://a\", \"redis://a:6379\"]",
            "yarr.toml: environment 'a': server 'a:6379' stands twice",
        ),
        (
            "environment = \"a\"\n[environments.a]\nservers = [\"http://a\"]",
            "yarr.toml: environment 'a': expected a URL that begins with redis://, rediss:// (TLS), unix://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://, found 'http://'",
        ),
        (
            "environment = \"a\"\n[environments.a]\nservers = [{ url = \"redis://a\", ca = \"x\" }]",
            "yarr.toml: environment 'a': expected a URL with rediss for server 'a:6379', whose certificates are given",
        ),
        (
            "environment = \"a\"\n[environments.a]\nservers = [{ url = \"rediss://a\", key = \"x\" }]",
            "yarr.toml: environment 'a': expected cert and key together, found one of them",
        ),
        (
            "environment = \"a\"\nlease = \"soon\"\n[environments.a]\nservers = [\"redis://a\"]",
            "yarr.toml: environment 'a': expected a span such as 30s (ms s m h d w), found 'soon'",
        ),
    ] {
        project.write("yarr.toml", text);
        assert_eq!(
            project.yarr("status").refused(2),
            format!("error: {expected}\n"),
            "{text}"
        );
    }
    let none = project.yarr("status --config none.toml");
    assert!(
        none.refused(2)
            .starts_with("error: cannot read none.toml: "),
        "{none:?}"
    );
}
