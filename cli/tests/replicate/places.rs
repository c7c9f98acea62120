//! A Redis with the module, a PostgreSQL, and a project that replicates between them.

use std::sync::OnceLock;

use yarr_replicate_testing::Cluster;

use crate::harness::{Project, Run, Server};

/// The tables of the examples.
const PARCEL: &str = "YARR.MIGRATE parcel UP 1 create_parcel CHANGES ON ADD FIELD code STRING UNIQUE ADD FIELD grams INTEGER";

/// One cluster for all tests, each in a database of its own. The servers of a process end with it.
fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start)
}

/// A source, a database, and the folder of a project.
pub struct Places {
    /// The source.
    pub redis: Server,
    /// The folder.
    pub project: Project,
    /// The URL of the database.
    pub url: String,
}

impl Places {
    /// A source with the table `parcel` of three records, a database of this name, and a file that says so.
    pub fn new(name: &str) -> Places {
        let places = Places::empty(name);
        places.ask(&[
            PARCEL,
            "YARR.CREATE parcel FIELDS 2 code grams VALUES A1 250 B2 900 C3 120",
        ]);
        places.write("[[table]]\nname = \"parcel\"\n");
        places
    }

    /// The same without a table.
    pub fn empty(name: &str) -> Places {
        let redis = Server::start();
        let project = Project::empty();
        Places {
            url: cluster().database(name),
            redis,
            project,
        }
    }

    /// Writes the file: source and target, and this.
    pub fn write(&self, rest: &str) {
        let text = format!(
            "[source]\nurl = \"{}\"\n\n[target.local]\nkind = \"postgres\"\nurl = \"{}\"\n\n[retry]\ntries = 1\nwait = \"10ms\"\n\n{rest}",
            self.redis.url(""),
            self.url
        );
        self.project.write("yarr-replicate.toml", &text);
    }

    /// Says commands to the source.
    #[track_caller]
    pub fn ask(&self, commands: &[&str]) {
        let url = self.redis.url("");
        let mut words = vec!["console", "--url", &url];
        for command in commands {
            words.extend(["-c", command]);
        }
        self.project.run(&words).done();
    }

    /// Runs `yarr replicate`.
    pub fn replicate(&self, line: &str) -> Run {
        self.project.yarr(&format!("replicate {line}"))
    }

    /// Asks the target.
    #[track_caller]
    pub fn sql(&self, text: &str) -> String {
        let run = self
            .project
            .run(&["replicate", "sql", text, "--target", "local"]);
        run.done().to_string()
    }
}
