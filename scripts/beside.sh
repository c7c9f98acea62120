#!/usr/bin/env bash
# Does two things at a time:  scripts/beside.sh LOG 'one command' another command
#
# What the first one says goes to LOG and is shown when both are done. Where one fails the other is ended.
set -uo pipefail

log=$1 first=$2
shift 2
mkdir -p "$(dirname "$log")"

# A group of its own each, so that all that it has started ends with it.
set -m
bash -c "$first" >"$log" 2>&1 </dev/null &
beside=$!
"$@" &
here=$!
set +m
trap 'kill -- -$beside -$here 2>/dev/null; exit 130' INT TERM

code=0
for _ in 1 2; do
    [ $code -ne 0 ] || wait -n || code=$?
done
[ $code -eq 0 ] || kill -- -$beside -$here 2>/dev/null
wait
cat "$log"
exit $code
