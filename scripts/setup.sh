#!/usr/bin/env bash
# Installs what a target needs and the machine lacks.
#
#   scripts/setup.sh build         a linker and libclang, for the release module
#   scripts/setup.sh demo          the same and a Redis server
#   scripts/setup.sh servers       pip, for scripts/servers.sh
#   scripts/setup.sh replicate     a Redis server and PostgreSQL, for make demo-replicate
#   scripts/setup.sh peers         the same and pip, for make bench PEERS=1
#   scripts/setup.sh instructions  a linker and valgrind
#   scripts/setup.sh test          all of these, rustfmt, clippy and cargo-deny
#   scripts/setup.sh fuzz          a C++ compiler and cargo-fuzz
#
# Debian and its relatives are served by apt-get; elsewhere the script says what to install.
set -euo pipefail

wanted=${1:?usage: scripts/setup.sh build|demo|servers|replicate|peers|instructions|test|fuzz}

say() { printf '%s\n' "$*" >&2; }

have() { command -v "$1" >/dev/null 2>&1; }

# bindgen looks for libclang in the directories of the loader, of llvm-config and of Debian's llvm packages.
have_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    { /sbin/ldconfig -p 2>/dev/null || true; } | grep -q 'libclang[-.0-9]*\.so' && return 0
    compgen -G '/usr/lib*/libclang*.so*' >/dev/null && return 0
    compgen -G '/usr/lib/llvm*/lib/libclang*.so*' >/dev/null && return 0
    compgen -G '/usr/lib/*-linux-gnu/libclang*.so*' >/dev/null
}

if ! have cargo; then
    say "cargo is missing: install Rust 1.86 or newer with rustup, then run make again."
    exit 1
fi

packages=()
if [[ $wanted = servers || $wanted = peers || $wanted = test ]]; then
    python3 -m pip --version >/dev/null 2>&1 || packages+=(python3-pip)
fi
if [ "$wanted" = instructions ] || [ "$wanted" = test ]; then
    have valgrind || packages+=(valgrind)
fi
have cc || packages+=(gcc libc6-dev)
if [ "$wanted" = fuzz ]; then
    have c++ || packages+=(g++)
elif [ "$wanted" != instructions ]; then
    # clang brings the compiler's own headers, which libclang needs to read Redis's.
    { have clang && have_libclang; } || packages+=(clang libclang-dev)
fi
if [[ $wanted = replicate || $wanted = peers || $wanted = test ]]; then
    have initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || packages+=(postgresql)
fi
if [[ $wanted = demo || $wanted = replicate || $wanted = peers || $wanted = test ]] && ! have "${REDIS_SERVER:-redis-server}"; then
    if [ "${REDIS_SERVER:-redis-server}" != redis-server ]; then
        say "REDIS_SERVER is $REDIS_SERVER, and there is no such program."
        exit 1
    fi
    packages+=(redis-server)
fi

if [ ${#packages[@]} -gt 0 ]; then
    if ! have apt-get; then
        say "Missing on this machine: ${packages[*]} (Debian's names)."
        say "Please install a C compiler, clang with libclang, Redis 4 or newer or Valkey, and for the tests PostgreSQL, Python's pip and valgrind, then run make again."
        say "  Fedora:  dnf install gcc clang clang-devel redis postgresql-server python3-pip valgrind"
        say "  Arch:    pacman -S gcc clang valkey postgresql python-pip valgrind"
        say "A server of another name is given by REDIS_SERVER=/path/to/valkey-server."
        exit 1
    fi
    root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! have sudo; then
            say "Missing on this machine: ${packages[*]}. There is no sudo here; as root, run"
            say "  apt-get update && apt-get install ${packages[*]}"
            exit 1
        fi
        root=(sudo)
    fi
    say "Installing ${packages[*]} ..."
    # Only its programs are wanted: Debian's package would start a server of its own.
    if [[ " ${packages[*]} " = *" postgresql "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
        "${root[@]}" mkdir -p /etc/postgresql-common
        printf 'create_main_cluster = false\n' | "${root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
    fi
    # env: sudo drops the variable otherwise.
    apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    if ! { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${packages[@]}"; } \
        </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        say "apt-get could not install ${packages[*]}."
        exit 1
    fi
fi

if [ "$wanted" = test ]; then
    components=()
    cargo fmt --version >/dev/null 2>&1 || components+=(rustfmt)
    cargo clippy --version >/dev/null 2>&1 || components+=(clippy)
    if [ ${#components[@]} -gt 0 ]; then
        if ! have rustup; then
            say "Missing in the Rust toolchain: ${components[*]}."
            exit 1
        fi
        say "Adding ${components[*]} to the toolchain ..."
        rustup component add "${components[@]}" </dev/null >&2
    fi
    if ! cargo deny --version >/dev/null 2>&1; then
        say "Installing cargo-deny (a few minutes) ..."
        cargo install cargo-deny --locked --quiet </dev/null >&2
    fi
fi

if [ "$wanted" = fuzz ] && ! have cargo-fuzz; then
    say "Installing cargo-fuzz ..."
    cargo install cargo-fuzz --locked --quiet </dev/null >&2
fi
