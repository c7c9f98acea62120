#!/usr/bin/env bash
# Where the server's time goes in the five hottest commands, by perf: a million records, 50 connections of 16 commands
# each. Usage: scripts/profile.sh libyarr.so [lines]
set -euo pipefail

module=$(realpath "$1") lines=${2:-12}
server=${REDIS_SERVER:-redis-server}
for program in "$server" redis-cli redis-benchmark perf; do
    if ! command -v "$program" >/dev/null 2>&1; then
        echo "profile: $program is missing; on Debian: apt-get install redis-server redis-tools linux-perf" >&2
        exit 1
    fi
done

folder=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$server" --bind 127.0.0.1 --port "$port" --dir "$folder" --save '' --loadmodule "$module" >"$folder/log" &
process=$!
asking=
finish() {
    [ -z "$asking" ] || kill "$asking" 2>/dev/null || true
    kill "$process" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 1' INT TERM
until [ "$(redis-cli -p "$port" PING 2>/dev/null)" = PONG ]; do
    kill -0 "$process" || { cat "$folder/log" >&2; exit 1; }
done

ask() { redis-benchmark -q -p "$port" -c 50 -P 16 "$@" >/dev/null; }

redis-cli -p "$port" YARR.MIGRATE user_session UP 1 create_user_session ADD FIELD user_id INTEGER INDEX \
    ADD FIELD session_id STRING ADD FIELD status ENUM '(' new active idle closed banned ')' BITMAP \
    ADD FIELD score FLOAT ADD INDEX created_at >/dev/null
for status in new active idle closed banned; do
    ask -n 200000 -r 100000 YARR.CREATE user_session user_id __rand_int__ session_id \
        3f0c9e5a-77aa-4b1e-9d6e-__rand_int__ status "$status" score 12.5
done

profile() {
    printf '\n==== %s ====\n' "$1"
    shift
    redis-benchmark -q -p "$port" -c 50 -P 16 -n 1000000000 "$@" >/dev/null 2>&1 &
    asking=$!
    perf record -q -F 2000 -p "$process" -o "$folder/perf" -- sleep 4
    kill "$asking"
    wait "$asking" 2>/dev/null || true
    asking=
    perf report -i "$folder/perf" --stdio --no-children --percent-limit 0.5 2>/dev/null |
        sed -n '/^ *[0-9]/p' | head -"$lines" | cut -c1-150
}

profile 'FIND by id' -r 1000000 YARR.FIND user_session __rand_int__
profile 'FIND WHERE user_id =' -r 100000 YARR.FIND user_session WHERE user_id = __rand_int__
profile 'WHERE user_id = AND status =' -r 100000 YARR.WHERE user_session user_id = __rand_int__ AND status = active
profile 'UPDATE of an indexed field' -r 100000 YARR.UPDATE user_session __rand_int__ SET user_id __rand_int__
profile 'CREATE, three indexes' -r 100000 YARR.CREATE user_session user_id __rand_int__ session_id \
    3f0c9e5a-77aa-4b1e-9d6e-__rand_int__ status idle score 12.5
