#!/usr/bin/env bash
# Runs the test suite of Redis itself with the module loaded in every server that it starts.
#
#   scripts/redis-suite.sh libyarr.so [unit ...]    all units, or only these (unit/dump, integration/aof, ...)
#
# The suite comes from the source package of the installed server, of the same version. What
# fails is tried without the module, and what passes there once more with it: only what fails
# both times with the module and passes without it is a failure. Everything, the logs too, is
# below target/redis-suite.
set -euo pipefail
cd "$(dirname "$0")/.."

module=$(realpath "${1:?usage: scripts/redis-suite.sh libyarr.so [unit ...]}")
shift
home=$(realpath -m "${CARGO_TARGET_DIR:-target}/redis-suite")
# One client runs one unit at a time, and most of them wait most of the time.
clients=${CLIENTS:-8}

say() { printf "%s\n" "$@"; }

fail() { say "$*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

command -v apt-get >/dev/null || fail "This needs Debian or one of its relatives: apt-get gives the suite."
[ -f "$module" ] || fail "There is no module at $module: run make module."

root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
missing=()
have tclsh || missing+=(tcl)
have dpkg-source || missing+=(dpkg-dev)
have redis-server || missing+=(redis-server)
have redis-benchmark || missing+=(redis-tools)
if [ ${#missing[@]} -gt 0 ]; then
    say "Installing ${missing[*]} ..."
    "${root[@]}" apt-get -qq update </dev/null
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" \
        </dev/null >/dev/null
fi

# The sources of the distribution, as the machine has them for binary packages, for source packages.
sources() {
    local list
    for list in /etc/apt/sources.list.d/{debian,ubuntu}.sources; do
        [ -f "$list" ] && sed 's/^Types:.*/Types: deb-src/' "$list" >"$home/apt/parts/$(basename "$list")"
    done
    if [ -f /etc/apt/sources.list ]; then
        sed -n 's/^deb[[:space:]]/deb-src /p' /etc/apt/sources.list >"$home/apt/parts/sources.list"
    fi
}

# Unpacks the suite of the installed version into $home/suite.
fetch() {
    local package=$1 version=$2
    rm -rf "$home/apt" "$home/source" "$home/suite"
    mkdir -p "$home"/apt/{parts,lists/partial,cache/archives/partial} "$home/source" "$home/suite/src"
    sources
    cat >"$home/apt/apt.conf" <<END
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "$home/apt/parts";
Dir::State::lists "$home/apt/lists";
Dir::Cache "$home/apt/cache";
APT::Sandbox::User "root";
END
    say "Fetching the source package $package $version ..."
    (
        cd "$home/source"
        export APT_CONFIG="$home/apt/apt.conf"
        apt-get -qq update </dev/null
        apt-get -qq source --only-source "$package=$version" </dev/null >/dev/null
    ) || fail "The source package $package $version is not to be had."
    cp -a "$home"/source/*/{tests,utils,redis.conf} "$home/suite/"
    rm -rf "$home/source" "$home/apt"
    printf '%s\n' "$version" >"$home/suite/version"
}

read -r package version < <(dpkg-query -W -f '${source:Package} ${source:Version}\n' redis-server)
if [ "$(cat "$home/suite/version" 2>/dev/null)" != "$version" ]; then
    fetch "$package" "$version"
fi
for program in redis-server redis-cli redis-benchmark redis-check-aof redis-check-rdb redis-sentinel; do
    have "$program" && ln -sf "$(command -v "$program")" "$home/suite/src/$program"
done

# Runs the suite: its log, then its arguments. Failures are in the log.
run() {
    local log=$home/$1.log
    shift
    (cd "$home/suite" && tclsh tests/test_helper.tcl --clients "$clients" --durable --no-latency "$@") \
        </dev/null >"$log" 2>&1 || true
    grep -q 'The End' "$log" || { tail -40 "$log" >&2; fail "The suite broke off: $log."; }
}

# What failed: `unit<tab>test`, each once.
failures() {
    sed 's/\x1b\[[0-9;]*m//g' "$home/$1.log" |
        sed -n 's/^\*\*\* \[[a-z]*\]: \(.*\) in tests\/\(.*\)\.tcl.*$/\2\t\1/p' | sort -u
}

count() { sed 's/\x1b\[[0-9;]*m//g' "$home/$1.log" | grep -c '^\[ok\]' || true; }

singles() { for unit in "$@"; do printf '%s\n%s\n' --single "$unit"; done; }

# The units in a list of failures, as arguments.
units() { cut -f 1 | sort -u | sed 's/^/--single\n/'; }

load=(--config loadmodule "$module")
mapfile -t chosen < <(singles "$@")
started=$SECONDS
say "Running the suite of $package $version with $module ..."
run with "${load[@]}" "${chosen[@]}"
say "" "$(count with) tests passed, $(failures with | wc -l) failed, in $((SECONDS - started)) s: $home/with.log"
[ "$(count with)" -gt 0 ] || fail "No test was run."

left=$(failures with)
if [ -n "$left" ]; then
    mapfile -t again < <(units <<<"$left")
    run without "${again[@]}"
    own=$(comm -12 <(printf '%s\n' "$left") <(failures without))
    [ -z "$own" ] || say "These fail without the module too:" "" "$own" ""
    left=$(comm -23 <(printf '%s\n' "$left") <(failures without))
fi
if [ -n "$left" ]; then
    mapfile -t again < <(units <<<"$left")
    run again "${load[@]}" "${again[@]}"
    left=$(comm -12 <(printf '%s\n' "$left") <(failures again))
fi
[ -z "$left" ] || fail "These fail only with the module:
$left"
say "Redis passes its own tests with the module as without it."
