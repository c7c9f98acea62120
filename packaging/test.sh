#!/usr/bin/env bash
# Tests a package by unpacking it into a folder and running what is in it: packaging/test.sh PACKAGE
#
# Without root, and without touching a server of this machine. What looks at it where it is there: lintian, man,
# fish, zsh, systemd-analyze.
set -euo pipefail

package=$(realpath "${1:?usage: packaging/test.sh PACKAGE}")
folder=$(mktemp -d)
server=
cleanup() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$folder"
}
trap cleanup EXIT

say() { printf '%s\n' "-- $*"; }
have() { command -v "$1" >/dev/null 2>&1; }

say "unpack $(basename "$package")"
dpkg-deb --info "$package" | sed -n 's/^ \(Version\|Architecture\|Depends\|Installed-Size\):/\1:/p'
dpkg-deb -x "$package" "$folder/root"
root=$folder/root
yarr=$root/usr/bin/yarr
module=$root/usr/lib/redis/modules/libyarr.so
(cd "$root" && dpkg-deb --ctrl-tarfile "$package" | tar -xO ./md5sums | md5sum --quiet -c -)

say "the tool"
env -i "$yarr" --version

say "the manual"
for verb in $("$yarr" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p'); do
    page=$root/usr/share/man/man1/yarr-$verb.1.gz
    test -s "$page" || { echo "there is no page on $verb"; exit 1; }
    if have man; then
        complaints=$(LC_ALL=C.UTF-8 MANWIDTH=80 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        test -z "$complaints" || { echo "$page: $complaints"; exit 1; }
    fi
done

say "completions"
# What bash offers after a few letters of a verb.
offered=$(bash -c 'source "$1"; COMP_WORDS=(yarr ta); COMP_CWORD=1; _yarr yarr ta yarr; echo "${COMPREPLY[*]}"' \
    bash "$root/usr/share/bash-completion/completions/yarr")
test "$offered" = tables || { echo "bash offers '$offered' for ta"; exit 1; }
if have zsh; then zsh -n "$root/usr/share/zsh/vendor-completions/_yarr"; fi
if have fish; then
    offered=$(fish -c "source '$root/usr/share/fish/vendor_completions.d/yarr.fish'; complete -C 'yarr ta'" | cut -f1)
    test "$offered" = tables || { echo "fish offers '$offered' for ta"; exit 1; }
fi

program=${REDIS_SERVER:-redis-server}
if have "$program"; then
    say "the module, in a server of its own with the example's configuration"
    sed -e "s|^loadmodule [^ ]*|loadmodule $module|" "$root/usr/share/doc/yarr/examples/redis.conf" >"$folder/redis.conf"
    mkdir "$folder/data"
    "$program" "$folder/redis.conf" --port 0 --unixsocket "$folder/socket" --dir "$folder/data" >"$folder/log" 2>&1 &
    server=$!
    ask() { (cd "$folder" && env -i "$yarr" --url "unix://$folder/socket" "$@"); }
    until ask console -c PING >/dev/null 2>&1; do
        kill -0 "$server" 2>/dev/null || { cat "$folder/log"; exit 1; }
        sleep 0.05
    done
    ask console -c 'YARR.MIGRATE pet UP 1 create_pet TIMESTAMPS OFF ADD FIELD name STRING INDEX' \
        -c 'YARR.CREATE pet name Rex' -c 'YARR.WHERE pet name = Rex'
    test "$(ask tables --json | grep -c '"table":"pet"')" = 1
fi

if have systemd-analyze; then
    say "the drop-in, and the units of replications"
    units=$folder/units
    mkdir -p "$units/redis-server.service.d"
    cp "$root/usr/share/doc/yarr/examples/redis-server.service.d/yarr.conf" "$units/redis-server.service.d"
    unit=/lib/systemd/system/redis-server.service
    if [ -f $unit ]; then
        cp $unit "$units"
    else
        printf '[Service]\nExecStart=/bin/true\n' >"$units/redis-server.service"
    fi
    # Other units of this machine are none of this test's business.
    cp "$root/usr/share/doc/yarr/examples/replicate/"yarr-replicate.{service,timer} "$units"
    # The tool lies in the folder, and not where it will be.
    sed -i "s|^ExecStart=/usr/bin/yarr|ExecStart=$yarr|" "$units/yarr-replicate.service"
    complaints=$(SYSTEMD_UNIT_PATH=$units: systemd-analyze verify --man=no "$units/redis-server.service" \
        "$units"/yarr-replicate.{service,timer} 2>&1 | grep -F -e "$units" -e 'yarr.conf' -e 'yarr-replicate' || true)
    test -z "$complaints" || { echo "$complaints"; exit 1; }
fi

if have lintian; then
    say "lintian"
    lintian --fail-on error,warning --suppress-tags-from-file "$(dirname "$0")/debian/lintian-suppressed" "$package"
fi
say "the package is sound"
