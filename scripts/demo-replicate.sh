#!/usr/bin/env bash
# Replicates the flights to PostgreSQL, to what stands in for Redshift, and to files: all of them, then what has
# changed, was deleted and has expired; and compares.
#
#   YARR_MODULE=path/to/libyarr.so scripts/demo-replicate.sh path/to/yarr path/to/places
#
# Servers of its own on free ports, files in a temporary folder; all are gone afterwards.
set -euo pipefail

yarr=$(realpath "$1")
places=$(realpath "$2")
flights=$(realpath "$(dirname "$0")/../examples/data/flights-2013-01.csv.gz")
folder=$(mktemp -d)
held=
finish() {
    # The servers end with their standard input.
    [ -z "$held" ] || { exec 3>&-; wait "$held" 2>/dev/null || true; }
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"

mkfifo input
"$places" <input >places.env 2>places.log &
held=$!
exec 3>input
until grep -q READY places.env; do
    kill -0 "$held" 2>/dev/null || { cat places.log >&2; exit 1; }
    sleep 0.05
done
set -a
. ./places.env
set +a

say() { printf '\n-- %s\n' "$*"; }
typed() {
    local word line='$ yarr'
    for word in "$@"; do
        case $word in *\ *) line+=" '$word'" ;; *) line+=" $word" ;; esac
    done
    printf '%s\n' "$line"
    "$yarr" "$@"
}

cat >yarr.toml <<END
[environments.development]
servers = ["$REDIS_URL"]
END
cat >yarr-replicate.toml <<'END'
[source]
url = "${REDIS_URL}"

[target.local]
kind = "postgres"
url = "${POSTGRES_URL}"

[target.warehouse]
kind = "redshift"
url = "${REDSHIFT_URL}"
iam_role = "${REDSHIFT_ROLE}"

[target.lake]
kind = "files"
folder = "lake"

[s3]
bucket = "${S3_BUCKET}"
endpoint = "${S3_ENDPOINT}"

[[table]]
name = "flight"
END

say "The flights of a month, in a table with a change feed"
cp "$flights" flights-2013-01.csv.gz
typed import flight flights-2013-01.csv.gz --null NA --create --yes | sed -n '1p'
typed generate migration add_feed_to_flight --changes
typed migrate
typed console -c 'YARR.AGGREGATE flight * COUNT'

say "What goes where: yarr-replicate.toml"
cat yarr-replicate.toml
printf '\n'
typed replicate plan --evolve --target warehouse

say "All of it, to PostgreSQL, to what stands in for Redshift, and to files"
typed replicate run --evolve
typed replicate verify

say "Some are changed, some deleted, some expire"
typed console -c 'YARR.UPDATE flight WHERE carrier = UA SCAN SET air_time 0'
typed console -c 'YARR.DEL flight WHERE dest = IAH SCAN'
typed console -c 'YARR.UPDATE flight WHERE carrier = B6 SCAN SET hour 0 PX 1'
# The server takes what has expired away within a second or so, and the feed tells it then.
until "$yarr" console --json -c 'YARR.INFO flight' | grep -Eq '"expired": ?0[,}]'; do sleep 0.1; done

say "What has changed, and nothing else"
typed replicate run
typed replicate verify
typed replicate sql 'SELECT count(*), sum(distance) AS miles FROM flight' --target local
typed replicate sql 'SELECT count(*), sum(distance) AS miles FROM flight' --target warehouse

say "And once more: there is nothing to do"
typed replicate run || [ $? = 1 ]
typed replicate status
typed replicate history
say "Rows and checksums were equal on all three, twice."
