#!/usr/bin/env bash
# Runs the integration tests on fetched servers and ends with a table.
#
#   scripts/test-servers.sh [NAME ...]     as scripts/servers.sh names them; all of them where none is named
#
# A server that fails does not keep the others from their turn. What a test passes over on an old server it says itself.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
export YARR_MODULE=${YARR_MODULE:-$(cd "$target" && pwd)/release/libyarr.so}
names=("$@")
[ $# -gt 0 ] || mapfile -t names < <(scripts/servers.sh list | awk '{ print $1 }')

logs=$target/servers/logs
mkdir -p "$logs"
failed=0
table=$(printf '%-11s %-9s %7s %12s %8s %7s' server version passed 'passed over' 'in part' failed)
cargo test --quiet --locked --no-default-features --test integration --no-run
# As many at a time as there are processors, and more tests than that: most of a test is waiting.
export RUST_TEST_THREADS=3
declare -A lines=()
rm -f "$logs"/*.code
for name in "${names[@]}"; do
    lines[$name]=$(scripts/servers.sh get "$name") || continue
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
    {
        code=0
        YARR_SERVER=$(scripts/servers.sh path "$name") \
            cargo test --quiet --locked --no-default-features --test integration >"$logs/$name.log" 2>&1 || code=$?
        echo "$code" >"$logs/$name.code"
    } &
done
wait
for name in "${names[@]}"; do
    if [ ! -f "$logs/$name.code" ]; then
        failed=1
        table+=$(printf '\n%-11s %s' "$name" 'not to be had')
        continue
    fi
    code=$(cat "$logs/$name.code") log=$logs/$name.log line=${lines[$name]}
    printf '\n---- %s ----\n' "$line"
    # The harness may have begun the line.
    over=$(grep -o 'passed over: .*' "$log" | sort || true)
    [ -z "$over" ] || printf '%s\n' "$over"
    [ $code -eq 0 ] || { failed=1 && sed -n '/^failures:$/,$p' "$log"; }
    # A test that needs what the server lacks ends as one that passes.
    part=$(grep ' without ' <<<"$over" | awk '{ print $3 }' | sort -u | grep -c . || true)
    over=$(grep ' needs ' <<<"$over" | awk '{ print $3 }' | sort -u | grep -c . || true)
    counts=$(sed -n 's/^test result: .* \([0-9]*\) passed; \([0-9]*\) failed.*/\1 \2/p' "$log")
    read -r passed wrong <<<"${counts:-0 all}"
    version=$(awk '{ print $2 }' <<<"$line")
    table+=$(printf '\n%-11s %-9s %7s %12s %8s %7s' "$name" "$version" $((passed - over)) "$over" "$part" "$wrong")
    grep '^test result' "$log" || true
done
printf '\n%s\n' "$table"
exit $failed
