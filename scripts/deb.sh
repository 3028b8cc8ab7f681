#!/usr/bin/env bash
# deb.sh OUTFILE - makes a Debian package of the server: binary, systemd unit, configuration, guide. Needs dpkg-deb.
#
#   REALM_SYNC_SERVER   the binary; default: it is built
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/goenv.sh"

[ $# -eq 1 ] || { echo "usage: scripts/deb.sh OUTFILE" >&2; exit 2; }
command -v dpkg-deb >/dev/null || { echo "dpkg-deb is missing: install dpkg" >&2; exit 1; }
root=$(mktemp -d "${TMPDIR:-/tmp}/realm-sync-deb.XXXXXX")
trap 'rm -rf "$root"' EXIT
chmod 0755 "$root"
binary=${REALM_SYNC_SERVER:-}
if [ -z "$binary" ]; then
    binary=$root.bin/realm-sync-server
    trap 'rm -rf "$root" "$root.bin"' EXIT
    "$REPO/scripts/goserver.sh" "$binary"
fi
install -D -m 0755 "$binary" "$root/usr/bin/realm-sync-server"
install -D -m 0644 "$REPO/packaging/realm-sync-server.service" "$root/lib/systemd/system/realm-sync-server.service"
install -D -m 0644 "$REPO/packaging/server.yaml" "$root/etc/realm-sync-server/server.yaml"
install -D -m 0644 "$REPO/docs/server.md" "$root/usr/share/doc/realm-sync-server/server.md"
install -D -m 0644 "$REPO/LICENSE" "$root/usr/share/doc/realm-sync-server/copyright"
install -d "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<CONTROL
Package: realm-sync-server
Version: $VERSION
Architecture: $(dpkg --print-architecture)
Maintainer: realm-sync-server <noreply@localhost>
Depends: libc6, adduser
Section: net
Priority: optional
Description: sync server for applications built on the Realm SDKs
 Device Sync and the HTTP API of App Services, self-hosted, in one process
 with one data directory.
CONTROL
echo /etc/realm-sync-server/server.yaml >"$root/DEBIAN/conffiles"
cat >"$root/DEBIAN/postinst" <<'POSTINST'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    adduser --quiet --system --group --home /var/lib/realm-sync-server --no-create-home realm-sync
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl try-restart realm-sync-server.service
    fi
fi
POSTINST
cat >"$root/DEBIAN/prerm" <<'PRERM'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl stop realm-sync-server.service
fi
PRERM
chmod 0755 "$root/DEBIAN/postinst" "$root/DEBIAN/prerm"
mkdir -p "$(dirname "$1")"
dpkg-deb --root-owner-group --build "$root" "$1"
