#!/usr/bin/env bash
# Runs fuzz targets in turn, so many seconds each, and tells how many inputs each took.
#
#   scripts/fuzz.sh 60                 every target for a minute
#   scripts/fuzz.sh 600 query cursor   two of them for ten minutes
#
# Inputs that reach new code are kept in fuzz/corpus.new, those that fail in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:?usage: scripts/fuzz.sh seconds [target ...]}
shift
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
[ $# -eq 0 ] || targets=("$@")

# libFuzzer's instrumentation is not for stable compilers; this lets the one at hand have it.
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/fuzz"
# The engine is safe Rust: without a sanitizer its inputs run four times as fast.
cargo fuzz build --sanitizer none

summary=()
failed=0
for target in "${targets[@]}"; do
    printf '\n---- %s\n' "$target"
    mkdir -p "fuzz/corpus.new/$target"
    log=$(mktemp)
    cargo fuzz run --sanitizer none "$target" "fuzz/corpus.new/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -rss_limit_mb=1024 -print_final_stats=1 \
        -dict="fuzz/dictionaries/$target.dict" >"$log" 2>&1 || { failed=1; cat "$log"; }
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    cover=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    summary+=("$(printf '%-10s %10s inputs, %6s edges' "$target" "${runs:-no}" "${cover:-no}")")
    rm -f "$log"
done

printf '\n'
printf '%s\n' "${summary[@]}"
exit $failed
