.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo demo-replicate run test module fmt lint deny doc check unit integration client cli deb data-figures client-figures crash replicate-crash replicate-figures failovers stalls migrations servers test-servers test-redis fuzz fuzz-short differential differential-short queries instructions bench bench-report bench-short profile clean

# What a target may be told: make run PORT=7000, make bench RECORDS=100000 PEERS=1, make fuzz TARGET=query SECONDS=600, REDIS_SERVER=valkey-server make demo
PORT         ?= 6380
RECORDS      ?= 1000000
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
export REDIS_SERVER RECORDS PEERS GROWTH PARTS
# Of make servers and make test-servers: all of them where none is named.
SERVERS      ?=
# What make test tests on besides REDIS_SERVER: the oldest server, and the newest of each kind.
TEST_SERVERS ?= redis-5.0 redis-8.2 valkey-9.1

TARGET_DIR   := $(abspath $(or $(CARGO_TARGET_DIR),target))
MODULE       := $(TARGET_DIR)/release/libyarr.so
ENGINE       := --locked --no-default-features
FUZZ         := --manifest-path fuzz/Cargo.toml
DIFFERENTIAL := --manifest-path differential/Cargo.toml
CLIENT       := --manifest-path client/Cargo.toml
CLIENT_DIR   := --target-dir $(TARGET_DIR)/client
CLI          := --manifest-path cli/Cargo.toml
CLI_DIR      := --target-dir $(TARGET_DIR)/cli
BENCH        := --manifest-path bench/Cargo.toml --locked --target-dir $(TARGET_DIR)/bench

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
	cargo build $(CLI) --locked $(CLI_DIR) --workspace --bins
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
	@$(MAKE) --no-print-directory fmt lint deny doc check unit fuzz-short differential-short instructions module integration client cli bench-short
	$(call heading,Integration tests on other servers)
	@YARR_MODULE=$(MODULE) scripts/test-servers.sh $(TEST_SERVERS)
	$(call heading,The Rust client on other servers)
	@for server in $(TEST_SERVERS); do \
		printf '\n---- %s ----\n' $$server; \
		REDIS_SERVER=$$(scripts/servers.sh path $$server) YARR_MODULE=$(MODULE) \
			cargo test --quiet $(CLIENT) --locked $(CLIENT_DIR) --workspace --all-features --test server || exit 1; \
	done
	$(call heading,The yarr tool on other servers)
	@for server in $(TEST_SERVERS); do \
		printf '\n---- %s ----\n' $$server; \
		REDIS_SERVER=$$(scripts/servers.sh path $$server) YARR_MODULE=$(MODULE) \
			cargo test --quiet $(CLI) --locked $(CLI_DIR) --features parquet --test tool || exit 1; \
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
	cargo fmt $(CLIENT) --all --check
	cargo fmt $(CLI) --all --check
	cargo fmt --manifest-path bench/Cargo.toml --check

lint: ## Run clippy with and without the module, warnings as errors
	$(call heading,Lints)
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy $(ENGINE) --workspace --all-targets -- -D warnings
	RUSTFLAGS='--cfg fuzzing' cargo clippy $(FUZZ) $(ENGINE) --target-dir $(TARGET_DIR)/fuzz --all-targets -- -D warnings
	RUSTFLAGS='--cfg fuzzing' cargo clippy $(DIFFERENTIAL) --locked --target-dir $(TARGET_DIR)/fuzz --all-targets -- -D warnings
	cargo clippy $(CLIENT) --locked $(CLIENT_DIR) --workspace --all-targets --all-features -- -D warnings
	cargo clippy $(CLIENT) --locked $(CLIENT_DIR) --no-default-features --lib -- -D warnings
	cargo clippy $(CLI) --locked $(CLI_DIR) --workspace --all-targets --features parquet -- -D warnings
	cargo clippy $(BENCH) --all-targets -- -D warnings

deny: ## Check licences, bans and sources of the dependencies
	$(call heading,Dependencies)
	cargo deny --locked check bans licenses sources
	cargo deny $(FUZZ) --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources
	cargo deny $(DIFFERENTIAL) --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources
	cargo deny $(CLIENT) --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources
	cargo deny $(CLI) --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources
	cargo deny --manifest-path bench/Cargo.toml --locked --config deny.toml check -A license-not-encountered -A unused-wrapper bans licenses sources

doc: ## Build the documentation without warnings
	$(call heading,Documentation)
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc $(ENGINE) --workspace --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc $(CLIENT) --locked $(CLIENT_DIR) -p yarr-client -p yarr-client-derive --no-deps --all-features
	RUSTDOCFLAGS="-D warnings" cargo doc $(CLI) --locked $(CLI_DIR) -p yarr-cli -p yarr-replicate --lib --no-deps

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
	YARR_MODULE=$(MODULE) cargo test $(ENGINE) --test integration

client: ## Run the tests of the Rust client and of the programs on it (build the module first)
	$(call heading,The Rust client)
	YARR_MODULE=$(MODULE) cargo test $(CLIENT) --locked $(CLIENT_DIR) --workspace --all-features

cli: ## Run the tests of the yarr tool (build the module first)
	$(call heading,The yarr tool)
	YARR_MODULE=$(MODULE) cargo test $(CLI) --locked $(CLI_DIR) --workspace --features parquet

replicate-figures: ## Measure export, upload and import of RECORDS (1000000) and of four times as many, to each kind of target
	@scripts/setup.sh replicate
	@$(MAKE) --no-print-directory module
	$(call heading,Replications)
	@YARR_MODULE=$(MODULE) cargo run $(CLI) --locked $(CLI_DIR) --release --quiet -p yarr-replicate --example figures

replicate-crash: ## Kill replicator and PostgreSQL at every moment, KILLS (100) times each (build the module first)
	$(call heading,Kills of a replication)
	YARR_MODULE=$(MODULE) YARR_REPLICATE_KILLS=$(KILLS) cargo test $(CLI) --locked $(CLI_DIR) -p yarr-replicate --test postgres killed -- --nocapture

deb: ## Make a Debian package of module and tool, and test it
	@$(MAKE) --no-print-directory module
	$(call heading,The Debian package)
	cargo build $(CLI) --locked $(CLI_DIR) --release
	packaging/test.sh "$$(packaging/deb.sh $(MODULE) $(TARGET_DIR)/cli/release/yarr $(TARGET_DIR)/packages)"

data-figures: ## Measure yarr import, export and adopt of RECORDS (1000000) beside hashes by redis-cli --pipe
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,Data in and out)
	@cargo build $(CLI) --locked $(CLI_DIR) --release --quiet
	@RECORDS=$(RECORDS) scripts/data-figures.sh $(TARGET_DIR)/cli/release/yarr $(MODULE)

client-figures: ## Measure the Rust client beside raw commands and hashes with indexes kept by hand
	@scripts/setup.sh demo
	@$(MAKE) --no-print-directory module
	$(call heading,The Rust client)
	@YARR_MODULE=$(MODULE) cargo run $(CLIENT) --locked $(CLIENT_DIR) --release -p yarr-client-programs --bin figures

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
	@# A folder of its own: without the module the library would take the module's place.
	cargo bench $(ENGINE) --target-dir $(TARGET_DIR)/engine --bench instructions

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
