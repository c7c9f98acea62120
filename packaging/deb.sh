#!/usr/bin/env bash
# Makes a Debian package of what is built: packaging/deb.sh MODULE YARR FOLDER
#
#   MODULE   libyarr.so, built for release
#   YARR     the tool, built for release
#   FOLDER   where the package goes
#
# The same input makes the same package: its times are those of the last commit, or of SOURCE_DATE_EPOCH.
set -euo pipefail

module=${1:?usage: packaging/deb.sh MODULE YARR FOLDER}
yarr=${2:?usage: packaging/deb.sh MODULE YARR FOLDER}
folder=${3:?usage: packaging/deb.sh MODULE YARR FOLDER}
here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")

for tool in dpkg-deb strip readelf gzip; do
    if ! command -v "$tool" >/dev/null; then
        echo "$tool is missing: packages are made on Debian and its relatives (apt-get install dpkg binutils gzip)." >&2
        exit 1
    fi
done

upstream=$(sed -n 's/^version = "\(.*\)"/\1/p' "$root/Cargo.toml" | head -1)
version=$upstream-1
architecture=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
chmod 755 "$stage"
umask 022

docs=$stage/usr/share/doc/yarr
man=$stage/usr/share/man/man1
mkdir -p "$stage/DEBIAN" "$docs/examples/redis-server.service.d" "$man"

install -D -m 755 "$yarr" "$stage/usr/bin/yarr"
# From Redis 7 on a server loads no module that may not be executed.
install -D -m 755 "$module" "$stage/usr/lib/redis/modules/libyarr.so"
strip --remove-section=.comment --remove-section=.note "$stage/usr/bin/yarr"
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$stage/usr/lib/redis/modules/libyarr.so"

# The newest symbols of the C library that they ask for say which one they need.
libc=$(readelf --version-info "$stage/usr/bin/yarr" "$stage/usr/lib/redis/modules/libyarr.so" |
    grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1)
depends="libc6 (>= ${libc#GLIBC_}), libgcc-s1 (>= 4.2)"

"$yarr" man --folder "$man"
gzip -9n "$man"/*.1
install -d "$stage/usr/share/bash-completion/completions" "$stage/usr/share/zsh/vendor-completions" \
    "$stage/usr/share/fish/vendor_completions.d"
"$yarr" completions bash >"$stage/usr/share/bash-completion/completions/yarr"
"$yarr" completions zsh >"$stage/usr/share/zsh/vendor-completions/_yarr"
"$yarr" completions fish >"$stage/usr/share/fish/vendor_completions.d/yarr.fish"

install -m 644 "$here/debian/copyright" "$here/debian/README.Debian" "$docs"
gzip -9nc "$root/CHANGELOG.md" >"$docs/changelog.gz"
sed -e "s/@VERSION@/$version/" -e "s/@UPSTREAM@/$upstream/" \
    -e "s/@DATE@/$(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")/" "$here/debian/changelog.in" |
    gzip -9n >"$docs/changelog.Debian.gz"
install -m 644 "$here/systemd/redis-server.service.d/yarr.conf" "$docs/examples/redis-server.service.d"
install -d "$docs/examples/replicate"
install -m 644 "$here"/replicate/* "$docs/examples/replicate"
sed 's|^loadmodule [^ ]*|loadmodule /usr/lib/redis/modules/libyarr.so|' "$root/redis.conf.example" \
    >"$docs/examples/redis.conf"

(cd "$stage" && find usr -type f -print0 | sort -z | xargs -0 md5sum) >"$stage/DEBIAN/md5sums"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@DEPENDS@/$depends/" \
    -e "s/@SIZE@/$(du -sk --apparent-size "$stage/usr" | cut -f1)/" "$here/debian/control.in" >"$stage/DEBIAN/control"
find "$stage" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

mkdir -p "$folder"
package=$folder/yarr_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz --build "$stage" "$package" >&2
echo "$package"
