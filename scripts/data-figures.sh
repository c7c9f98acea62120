#!/usr/bin/env bash
# Measures `yarr import`, `export` and `adopt` beside `redis-cli --pipe` of the same records as hashes.
#
#   RECORDS=1000000 scripts/data-figures.sh path/to/yarr path/to/libyarr.so
#
# A server of its own on a free port, files in a temporary folder; both are gone afterwards.
set -euo pipefail

yarr=$(realpath "$1")
module=$(realpath "$2")
records=${RECORDS:-1000000}
folder=$(mktemp -d)
server=
finish() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

port=$((20000 + $$ % 20000))
"${REDIS_SERVER:-redis-server}" --bind 127.0.0.1 --port "$port" --save '' --appendonly no --dir "$folder" \
    --loadmodule "$module" >server.log 2>&1 &
server=$!
cli() { redis-cli -p "$port" "$@"; }
until cli PING >/dev/null 2>&1; do
    kill -0 "$server" 2>/dev/null || { cat server.log >&2; exit 1; }
    sleep 0.05
done
export YARR_URL=redis://127.0.0.1:$port/

# number, UUID as text, one of five names, float, time
write() {
    awk -v n="$1" 'BEGIN {
        srand(1); split("active idle away closed new", s, " ")
        print "user_id,session_id,status,score,started_at"
        for (i = 0; i < n; i++)
            printf "%d,%08x-%04x-4%03x-a%03x-%012x,%s,%.3f,2026-%02d-%02dT%02d:%02d:%02dZ\n", rand() * 100000,
                rand() * 4294967295, rand() * 65535, rand() * 4095, rand() * 4095, rand() * 281474976710655,
                s[i % 5 + 1], rand() * 1000, 1 + i % 12, 1 + i % 28, i % 24, i % 60, int(i / 7) % 60
    }'
}
make_table() {
    cli FLUSHALL >/dev/null
    cli YARR.MIGRATE session UP 1 create ADD FIELD user_id INTEGER INDEX ADD FIELD session_id STRING \
        ADD FIELD status ENUM '(' active idle away closed new ')' BITMAP ADD FIELD score FLOAT \
        ADD FIELD started_at DATETIME INDEX >/dev/null
}
server_cpu() { cli INFO cpu | tr -d '\r' | awk -F: '/^used_cpu_(user|sys):/ { sum += $2 } END { print sum }'; }

# what, records, command: seconds, records a second, the server's time a record, the most memory of the command
measure() {
    local what=$1 count=$2 from cpu peak=0 seen
    shift 2
    cpu=$(server_cpu)
    from=$(date +%s.%N)
    "$@" >out 2>&1 &
    local pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        seen=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
        [ -z "$seen" ] || peak=$seen
        sleep 0.02
    done
    wait "$pid" || { cat out >&2; exit 1; }
    awk -v what="$what" -v n="$count" -v from="$from" -v to="$(date +%s.%N)" -v cpu="$cpu" -v now="$(server_cpu)" \
        -v peak="$peak" 'BEGIN {
        printf "| %s | %d | %.1f s | %d | %.1f us | %.0f MB |\n", what, n, to - from, n / (to - from),
            (now - cpu) * 1e6 / n, peak / 1024 }'
}
pipe() { redis-cli -p "$port" --pipe <"$1"; }

write "$records" >one.csv
write $((4 * records)) >four.csv
awk -F, 'NR > 1 { k = "s:" NR - 1; printf "HSET %s user_id %s session_id %s status %s score %s started_at %s\r\n",
    k, $1, $2, $3, $4, $5 }' one.csv >one.hset

echo '| work | records | time | records a second | server time a record | memory of the tool |'
echo '| --- | --- | --- | --- | --- | --- |'
make_table
measure 'import' "$records" "$yarr" import session one.csv
measure 'export to CSV' "$records" "$yarr" export session one.out.csv
measure 'export to JSONL' "$records" "$yarr" export session one.out.jsonl
make_table
measure 'import of that JSONL' "$records" "$yarr" import session one.out.jsonl
make_table
measure 'import --no-position' "$records" "$yarr" import session one.csv --no-position
make_table
measure 'import of four times as many' $((4 * records)) "$yarr" import session four.csv
measure 'export of these' $((4 * records)) "$yarr" export session four.out.csv
make_table
# A shell forks the client: its memory is not the tool's.
measure 'redis-cli --pipe of HSET, no index' "$records" pipe one.hset
measure 'adopt of these hashes, with the check' "$records" "$yarr" adopt 's:*' --table session --times ms
