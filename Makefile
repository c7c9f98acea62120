.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-replicate run test module fmt lint deny doc check unit integration clients deb data-figures client-figures crash replicate-crash replicate-figures failovers stalls migrations servers test-servers test-redis fuzz fuzz-short differential differential-short queries instructions bench bench-report bench-short profile clean

# What a target may be told: make run PORT=7000, make bench RECORDS=100000 PEERS=1, make fuzz TARGET=query SECONDS=600, REDIS_SERVER=valkey-server make demo
PORT         ?= 6380
RECORDS      ?= 1000000
TIMES        ?= 4
SECONDS      ?= 60
CRASHES      ?= 100
KILLS        ?= 100
ROUNDS       ?= 10
QUERIES      ?= 200000
REDIS_SERVER ?= redis-server
# Of make bench: PEERS=1 measures others too, GROWTH=1 the curves of growth, PARTS some of it (rows files pause feed ycsb growth).
PEERS        ?=
GROWTH       ?=
PARTS        ?=
export REDIS_SERVER RECORDS TIMES PEERS GROWTH PARTS
# Of make servers and make test-servers: all of them where none is named.
SERVERS      ?=
# What make test tests on besides REDIS_SERVER: the oldest server, and the newest of each kind.
TEST_SERVERS ?= redis-5.0 redis-8.2 valkey-9.1

TARGET_DIR   := $(abspath $(or $(CARGO_TARGET_DIR),target))
MODULE       := $(TARGET_DIR)/release/libyarr.so
ENGINE       := --locked --no-default-features
FUZZ         := --manifest-path fuzz/Cargo.toml
DIFFERENTIAL := --manifest-path differential/Cargo.toml
# The client, the yarr tool and its replications: one workspace, always built with all of it, so that nothing is built twice.
CLIENTS      := --manifest-path cli/Cargo.toml --locked --target-dir $(TARGET_DIR)/cli
BENCH        := --manifest-path bench/Cargo.toml --locked --target-dir $(TARGET_DIR)/bench
INSTRUCTIONS := --manifest-path instructions/Cargo.toml --locked --target-dir $(TARGET_DIR)/engine

heading = @printf '\n==== %s ====\n' '$(1)'

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: ## Show YARR at work on a private Redis (installs what is missing)
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,The demo)
	cargo build $(ENGINE) --example demo
	@YARR_MODULE=$(MODULE) cargo run --quiet $(ENGINE) --example demo

demo-replicate: ## Show tables being replicated to PostgreSQL, to what stands in for Redshift, and to files (installs what is missing)
	@scripts/setup.sh replicate
	@$(MAKE) --no-print-directory module
	$(call heading,The demo of replications)
	cargo build $(CLIENTS) --workspace --bins
	@YARR_MODULE=$(MODULE) scripts/demo-replicate.sh $(TARGET_DIR)/cli/debug/yarr $(TARGET_DIR)/cli/debug/places

run: ## Start Redis with the module and redis.conf.example on PORT (6380)
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	@mkdir -p $(TARGET_DIR)/run
	@sed 's|^loadmodule [^ ]*|loadmodule $(MODULE)|' redis.conf.example > $(TARGET_DIR)/run/redis.conf
	@printf '\nRedis with YARR listens on port %s and keeps its data in %s.\n' $(PORT) $(TARGET_DIR)/run
	@printf 'Talk to it from another terminal:  redis-cli -p %s\n' $(PORT)
	@printf 'Stop it with Ctrl-C.\n\n'
	@$(REDIS_SERVER) $(TARGET_DIR)/run/redis.conf --port $(PORT) --dir $(TARGET_DIR)/run

test: ## Run every check and every test (installs what is missing)
	$(call heading,What the tests need)
	@scripts/setup.sh test
	@cargo --version
	@$(REDIS_SERVER) --version
	@# What needs no server, side by side: a linker and a crate of many lines each keep but one processor busy.
	@scripts/beside.sh $(TARGET_DIR)/beside.log '$(MAKE) --no-print-directory module instructions fuzz-short differential-short' \
		$(MAKE) --no-print-directory fmt lint deny doc check unit
	@$(MAKE) --no-print-directory integration clients bench-short
	$(call heading,Integration tests on other servers)
	@YARR_MODULE=$(MODULE) scripts/test-servers.sh $(TEST_SERVERS)
	$(call heading,The Rust client and the yarr tool on other servers)
	@for server in $(TEST_SERVERS); do \
		printf '\n---- %s ----\n' $$server; \
		REDIS_SERVER=$$(scripts/servers.sh path $$server) YARR_MODULE=$(MODULE) \
			cargo test --quiet $(CLIENTS) --workspace --all-features --test server --test tool || exit 1; \
	done
	$(call heading,The demo)
	cargo build $(ENGINE) --example demo
	@YARR_MODULE=$(MODULE) cargo run --quiet $(ENGINE) --example demo
	$(call heading,All tests passed)

module: ## Build the release module
	$(call heading,The release module)
	@scripts/setup.sh build
	cargo build --locked --release --lib
	@test -f $(MODULE) && echo $(MODULE)

fmt: ## Check the formatting
	$(call heading,Formatting)
	cargo fmt --all --check
	cargo fmt $(FUZZ) --check
	cargo fmt $(DIFFERENTIAL) --check
	cargo fmt --manifest-path cli/Cargo.toml --all --check
	cargo fmt --manifest-path bench/Cargo.toml --check
	cargo fmt --manifest-path instructions/Cargo.toml --check

lint: ## Run clippy with and without the module, warnings as errors
	$(call heading,Lints)
	cargo clippy $(ENGINE) --workspace --all-targets -- -D warnings
	RUSTFLAGS='--cfg fuzzing' cargo clippy $(FUZZ) $(ENGINE) --target-dir $(TARGET_DIR)/fuzz --all-targets -- -D warnings
	RUSTFLAGS='--cfg fuzzing' cargo clippy $(DIFFERENTIAL) --locked --target-dir $(TARGET_DIR)/fuzz --all-targets -- -D warnings
	cargo clippy $(CLIENTS) --workspace --all-targets --all-features -- -D warnings
	cargo clippy $(CLIENTS) -p yarr-client --no-default-features --lib -- -D warnings
	cargo clippy $(BENCH) --all-targets -- -D warnings
	cargo clippy $(INSTRUCTIONS) --release -- -D warnings
	@# The module in release, as it is built: what it needs is then built once.
	cargo clippy --locked --release --lib -- -D warnings

deny: ## Check licences, bans and sources of the dependencies
	$(call heading,Dependencies)
	cargo deny --locked check bans licenses sources
	cargo deny $(FUZZ) --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources
	cargo deny $(DIFFERENTIAL) --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources
	cargo deny --manifest-path cli/Cargo.toml --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources
	cargo deny --manifest-path bench/Cargo.toml --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources
	cargo deny --manifest-path instructions/Cargo.toml --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources

doc: ## Build the documentation without warnings
	$(call heading,Documentation)
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --release --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc $(ENGINE) --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc $(CLIENTS) --workspace --all-features --lib --no-deps

check: ## Prove that the engine knows nothing of Redis
	$(call heading,Purity of the engine)
	cargo check $(ENGINE) --lib
	@if grep -rnwE --include='*.rs' 'redis_module|unsafe' src | grep -vE '^src/redis/|^[^:]+:[0-9]+:[[:space:]]*//'; then \
		echo 'only src/redis may name redis_module or unsafe'; exit 1; \
	else \
		echo 'only src/redis names redis_module or unsafe'; \
	fi

unit: ## Run the unit, law and documentation tests of the engine
	$(call heading,Unit and law tests)
	cargo test $(ENGINE) --lib --test plans
	cargo test $(ENGINE) --doc

integration: ## Run the tests against real servers (build the module first)
	$(call heading,Integration tests)
	@# Most of a test is waiting.
	YARR_MODULE=$(MODULE) RUST_TEST_THREADS=$$((2 * $$(nproc))) cargo test $(ENGINE) --test integration

clients: ## Run the tests of the Rust client, the yarr tool and its replications (build the module first)
	$(call heading,The Rust client and the yarr tool)
	YARR_MODULE=$(MODULE) cargo test $(CLIENTS) --workspace --all-features

replicate-figures: ## Measure export, upload and import of RECORDS (1000000) and of TIMES (4) as many, to each kind of target
	@scripts/setup.sh replicate
	@$(MAKE) --no-print-directory module
	$(call heading,Replications)
	@YARR_MODULE=$(MODULE) cargo run $(CLIENTS) --release --quiet -p yarr-replicate --example figures

replicate-crash: ## Kill replicator and PostgreSQL at every moment, KILLS (100) times each (build the module first)
	$(call heading,Kills of a replication)
	YARR_MODULE=$(MODULE) YARR_REPLICATE_KILLS=$(KILLS) cargo test $(CLIENTS) --workspace --all-features --test postgres killed -- --nocapture

deb: ## Make a Debian package of module and tool, and test it
	@$(MAKE) --no-print-directory module
	$(call heading,The Debian package)
	cargo build $(CLIENTS) --release
	packaging/test.sh "$$(packaging/deb.sh $(MODULE) $(TARGET_DIR)/cli/release/yarr $(TARGET_DIR)/packages)"

data-figures: ## Measure yarr import, export and adopt of RECORDS (1000000) beside hashes by redis-cli --pipe
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,Data in and out)
	@cargo build $(CLIENTS) --release --quiet
	@RECORDS=$(RECORDS) scripts/data-figures.sh $(TARGET_DIR)/cli/release/yarr $(MODULE)

client-figures: ## Measure the Rust client beside raw commands and hashes with indexes kept by hand
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,The Rust client)
	@YARR_MODULE=$(MODULE) cargo run $(CLIENTS) --release -p yarr-client-programs --bin figures

crash: ## Kill servers CRASHES (100) times in each of four ways of persistence, and amid migrations in two
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,Crashes)
	YARR_MODULE=$(MODULE) YARR_CRASHES=$(CRASHES) cargo test $(ENGINE) --test integration crash::

failovers: ## Have replicas join, break off and take over ROUNDS (10) times amid writes, and compare them
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,Failovers)
	YARR_MODULE=$(MODULE) YARR_ROUNDS=$(ROUNDS) cargo test $(ENGINE) --test integration -- resync:: failover:: sentinel::

stalls: ## Show the longest pause while a table of RECORDS goes, beside that of an idle server
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,Stalls)
	YARR_MODULE=$(MODULE) YARR_RECORDS=$(RECORDS) cargo test $(ENGINE) --test integration stall:: -- --nocapture

migrations: ## Show what migrations of a table of RECORDS cost clients that go on using it
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,Migrations)
	YARR_MODULE=$(MODULE) YARR_RECORDS=$(RECORDS) cargo test $(ENGINE) --test integration online::pace -- --nocapture

servers: ## Fetch other servers, SERVERS="redis-5.0 valkey-9.1"
	@scripts/setup.sh servers
	@scripts/servers.sh get $(SERVERS)

test-servers: ## Run these tests on other servers, SERVERS="redis-5.0 valkey-9.1"
	@scripts/setup.sh servers
	@$(MAKE) --no-print-directory module
	$(call heading,Integration tests on other servers)
	@YARR_MODULE=$(MODULE) scripts/test-servers.sh $(SERVERS)

test-redis: ## Run Redis's own test suite with the module loaded (about ten minutes)
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,The test suite of Redis)
	@scripts/redis-suite.sh $(MODULE)

fuzz: ## Fuzz the engine, every TARGET for SECONDS (60); new inputs go to fuzz/corpus.new
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh $(SECONDS) $(TARGET)

fuzz-short: ## Replay the fuzz corpus and a fixed number of mutations of it, without libFuzzer
	$(call heading,The fuzz corpus)
	RUSTFLAGS='--cfg fuzzing' cargo test $(FUZZ) $(ENGINE) --target-dir $(TARGET_DIR)/fuzz

differential: ## Ask YARR and SQLite the same QUERIES (200000) at random, from YARR_SEED (1) on
	@scripts/setup.sh build
	$(call heading,The same questions to SQLite)
	@# Half with the low thresholds of the tests, by which small tables take every way, half as shipped.
	RUSTFLAGS='--cfg fuzzing' QUERIES=$$(($(QUERIES) / 2)) cargo test $(DIFFERENTIAL) --locked --target-dir $(TARGET_DIR)/fuzz -- --nocapture
	QUERIES=$$(($(QUERIES) / 2)) cargo test $(DIFFERENTIAL) --locked --target-dir $(TARGET_DIR)/differential -- --nocapture

differential-short: ## Ask both a fixed number of questions
	$(call heading,The same questions to SQLite)
	RUSTFLAGS='--cfg fuzzing' QUERIES=40000 cargo test $(DIFFERENTIAL) --locked --target-dir $(TARGET_DIR)/fuzz

queries: ## Show plan and time of questions to RECORDS records in docs/queries.md
	@scripts/setup.sh build
	$(call heading,Queries)
	cargo run --release $(ENGINE) --target-dir $(TARGET_DIR)/engine --example queries

instructions: ## Count the instructions of the hot commands and compare with those kept (YARR_BLESS=1 keeps them)
	@scripts/setup.sh instructions
	$(call heading,Instructions)
	cargo run --release $(INSTRUCTIONS)

bench: ROUNDS = 3
bench: ## Measure YARR beside others and write docs/benchmarks.md, RECORDS=1000000 ROUNDS=3 PEERS=1 GROWTH=1
	@scripts/setup.sh $(if $(filter-out 0,$(PEERS)),peers,demo)
	@$(MAKE) --no-print-directory module
	$(call heading,Benchmarks)
	@$(if $(filter-out 0,$(PEERS)),scripts/servers.sh get redis-7.4 || true)
	@YARR_MODULE=$(MODULE) RESULTS=$(TARGET_DIR)/bench/results ROUNDS=$(ROUNDS) BENCH_COMMAND='make bench $(MAKEOVERRIDES)' \
		$(if $(filter-out 0,$(PEERS)),SEARCH_SERVER="$$(scripts/servers.sh path redis-7.4)" SEARCH_MODULE="$$(scripts/servers.sh path redis-7.4 redisearch.so)") \
		cargo run --quiet $(BENCH)

bench-report: ## Write docs/benchmarks.md again from the last figures and bench/notes.toml
	@RESULTS=$(TARGET_DIR)/bench/results cargo run --quiet $(BENCH) -- report

bench-short: ## Test make bench, on 2,000 records (build the module first)
	$(call heading,The benchmarks in short)
	cargo test $(BENCH)
	@YARR_MODULE=$(MODULE) RECORDS=2000 ROUNDS=1 PEERS= GROWTH=1 PARTS= BENCH_COMMAND='make bench-short' \
		RESULTS=$(TARGET_DIR)/bench/short REPORT=$(TARGET_DIR)/bench/short cargo run --quiet $(BENCH)

profile: ## Show where the server's time goes in the five hottest commands (perf)
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	@scripts/profile.sh $(MODULE)

clean: ## Remove everything that was built
	cargo clean
