#!/bin/sh
# Makes kvs_VERSION_ARCH.deb of a static binary: build.sh BINARY DIRECTORY
# Needs dpkg-deb and gzip. The files are those of the checkout that it lies in.
set -eu
binary=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
version=$("$binary" version | cut -d' ' -f2 | sed 's/-/~/')
case $("$binary" version -o json) in
*linux/amd64*) arch=amd64 ;;
*linux/arm64*) arch=arm64 ;;
*) arch=$(dpkg --print-architecture) ;;
esac
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

put() { install -D -m "$1" "$2" "$tree/$3"; }
put 755 "$binary" usr/bin/kvs
put 644 "$top/contrib/systemd/kvs.service" usr/lib/systemd/system/kvs.service
put 644 "$top/contrib/systemd/kvs.sysusers" usr/lib/sysusers.d/kvs.conf
put 640 "$here/config.yaml" etc/kvs/config.yaml
put 644 "$top/contrib/man/kvs.1" usr/share/man/man1/kvs.1
gzip -9n "$tree/usr/share/man/man1/kvs.1"
mkdir -p "$tree/usr/share/doc/kvs" "$tree/usr/share/bash-completion/completions" \
	"$tree/usr/share/zsh/vendor-completions" "$tree/usr/share/fish/vendor_completions.d"
"$binary" licenses >"$tree/usr/share/doc/kvs/copyright"
"$binary" completion bash >"$tree/usr/share/bash-completion/completions/kvs"
"$binary" completion zsh >"$tree/usr/share/zsh/vendor-completions/_kvs"
"$binary" completion fish >"$tree/usr/share/fish/vendor_completions.d/kvs.fish"

mkdir "$tree/DEBIAN"
for script in postinst prerm postrm; do install -m 755 "$here/$script" "$tree/DEBIAN/$script"; done
echo /etc/kvs/config.yaml >"$tree/DEBIAN/conffiles"
cat >"$tree/DEBIAN/control" <<END
Package: kvs
Version: $version
Architecture: $arch
Section: database
Priority: optional
Maintainer: The kvs developers <kvs@localhost>
Installed-Size: $(du -sk "$tree" | cut -f1)
Description: eventually consistent key-value store
 A key-value store for sites that must keep working alone: every node holds all
 data, answers reads and writes locally whatever the network does, and is equal to
 its peers again within milliseconds of reaching them.
END
find "$tree" -type d -exec chmod 755 {} +
mkdir -p "$out"
dpkg-deb --root-owner-group --build "$tree" "$out/kvs_${version}_$arch.deb" >/dev/null
echo "$out/kvs_${version}_$arch.deb"
