//! A file to begin with.

/// A file to begin with, all there is to say in comments.
pub const SAMPLE: &str = r#"# What `yarr replicate` does: which tables go from where to where. What stands here in comments holds without
# it, or is an example. ${NAME} anywhere in a text is the variable NAME of the surroundings: the place for passwords.

# The Redis server that is read, as in yarr.toml: redis://, rediss:// (TLS), unix://, redis+sentinel://,
# redis+cluster://.
[source]
url = "redis://127.0.0.1:6379"
# ca = "ca.pem"                    # an authority of your own, for rediss
# cert = "client.pem"              # the client's own certificate, and its key
# key = "client.key"
# insecure = false                 # true takes any certificate
# sentinel_user = "watcher"        # the Sentinels' own, where they ask for one
# sentinel_password = "${SENTINEL_PASSWORD}"
# timeout = "30s"                  # how long to wait for a connection and for an answer
# lease = "30s"                    # how long the lease of a run outlives it when it dies
# page = "1MB"                     # how much is read at a time

# Where tables go. The name is yours; there may be several. A server on another machine is spoken to by TLS, and its
# certificate checked, unless the URL ends in ?sslmode=require (any certificate) or ?sslmode=disable.
[target.local]
kind = "postgres"
url = "postgres://postgres:${PGPASSWORD}@127.0.0.1:5432/postgres"
# spool = "yarr-spool"             # a folder for parts between export and import; "s3" is the bucket of [s3]
# ca = "ca.pem"                    # an authority of your own

# [target.warehouse]
# kind = "redshift"
# url = "postgres://loader:${REDSHIFT_PASSWORD}@cluster.example.com:5439/analytics"
# iam_role = "arn:aws:iam::123456789012:role/warehouse"   # without it COPY gets the keys of [s3]
# slices = 4                       # parts a batch; without it as many as the cluster has slices
# format = "csv"                   # or "parquet", in a program that has it
# ca = "ca.pem"

# [target.lake]
# kind = "files"
# folder = "lake"                  # "s3" is the bucket of [s3]
# format = "csv"

# What is replicated, in this order. Columns of the target table decide which fields go; a column that the table
# lacks is refused.
[[table]]
name = "flight"
# into = "public.flight"           # without it the same name
# target = ["local"]               # without it all targets
# strategy = "timed"               # timed: what has changed; identity: what was added; full: all of it, each time
# by = "updated_at"                # timed: this DATETIME instead of the table's change feed; identity: the field that grows
# overlap = "5s"                   # timed by a DATETIME: how far to go back each time
# columns = { left_at = "time_hour" }   # column = "field", where the names differ
# exclude = ["tailnum"]            # fields that go nowhere
# deletes = "hard"                 # soft sets the column deleted_at, ignore leaves the row
# deleted_at = "deleted_at"        # of deletes = "soft"
# swap = "rows"                    # full: "rename" is quicker, and drops grants and views
# evolve = false                   # true adds columns for fields that the target lacks
# vacuum = "auto"                  # after each import: auto, plain, full, sort-only, delete-only, reindex
# analyze = false                  # true: after each import

# [s3]
# bucket = "my-bucket"
# prefix = "yarr"                  # what all keys begin with
# region = "us-east-1"
# endpoint = "http://127.0.0.1:9000"                  # another server than Amazon's
# access_key_id = "${AWS_ACCESS_KEY_ID}"              # without: what the surroundings give, a role as a rule
# secret_access_key = "${AWS_SECRET_ACCESS_KEY}"
# session_token = "${AWS_SESSION_TOKEN}"

# [copy]
# gzip = true                      # CSV is packed
# part = "64MB"                    # when a part has so much the next begins
# batch = 0                        # changes a batch at most; 0 for no end
# replacement = "?"                # for bytes that no text there may have; without it such a text is refused
# keep = false                     # true leaves the parts when they are imported
# options = { STATUPDATE = "ON", TRUNCATECOLUMNS = false }   # of Redshift's COPY; false takes one out

# [retry]
# max = 5                          # failures, then the replication is canceled and the next begins anew
# tries = 3                        # within a run; the next run goes on where it stopped
# wait = "1s"                      # before the second try, twice as long before each that follows
# resync = true                    # load a table anew whose feed cannot be continued; false stops with exit code 6

# [history]
# cap = 1000                       # replications that are kept of a table; 0 for all

# Who is told of imported, failed, canceled and resync, or of those that `on` names. A webhook gets a POST, a program
# the same JSON on its standard input.
# [[notify.webhook]]
# url = "https://example.com/hooks/${HOOK}"
# secret = "${HOOK_SECRET}"        # signs what is posted: X-Yarr-Signature
# on = ["failed", "canceled"]
# retries = 3
# timeout = "10s"

# [[notify.command]]
# run = ["./tell", "--quietly"]
# on = ["failed", "canceled"]
# timeout = "10s"

# [metrics]
# file = "/var/lib/node_exporter/yarr.prom"           # written after each replication
# listen = "127.0.0.1:9187"                           # served while the program runs
"#;
