#!/usr/bin/env bash
# golib.sh OUTDIR - builds librealm_sync into OUTDIR. build.sh and CMake both call it, and nothing else builds the library.
#
#   OUTDIR/librealm_sync.so.X.Y.Z   the library, SONAME librealm_sync.so.X
#   OUTDIR/librealm_sync.so.X       what a program loads
#   OUTDIR/librealm_sync.so         what -lrealm_sync finds
#
# OUTDIR/go and OUTDIR/exports-*.map are its own.
#
# It costs a second when nothing changed, and then leaves the files alone.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/goenv.sh"

[ $# -eq 1 ] || { echo "usage: scripts/golib.sh OUTDIR" >&2; exit 2; }
require_go
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$REPO"

soname=librealm_sync.so.${VERSION%%.*}
file=librealm_sync.so.$VERSION

# Only what the header lists is exported. go does not look into the file that a linker flag names, so its name says what is in
# it: a changed list is a changed name, and the library is linked again.
map=$(go run "${GO_FLAGS[@]}" ./scripts/exports map include/realm_sync.h)
mapfile=$out/exports-$(printf '%s' "$map" | cksum | cut -d' ' -f1).map
if [ ! -f "$mapfile" ]; then
    rm -f "$out"/exports-*.map
    printf '%s\n' "$map" >"$mapfile.new"
    mv "$mapfile.new" "$mapfile"
fi

# The quotes within the quotes are for paths with spaces: go splits -ldflags, its linker splits -extldflags.
go build "${GO_FLAGS[@]}" "${GO_RELEASE[@]}" -buildmode=c-shared \
    -ldflags "-s -w -X main.version=$VERSION -extldflags '\"-Wl,--version-script=$mapfile\" -Wl,-soname,$soname'" \
    -o "$out/go/$file" ./capi

# go touches what it finds up to date; a file that is the same keeps its time, so nothing is linked again because of it. A file
# that is new takes the place of the old one at once, under programs that still run with that.
if ! cmp -s "$out/go/$file" "$out/$file"; then
    cp "$out/go/$file" "$out/$file.new"
    mv "$out/$file.new" "$out/$file"
fi

link() { [ "$(readlink "$out/$2" 2>/dev/null)" = "$1" ] || ln -sfn "$1" "$out/$2"; }
link "$file" "$soname"
link "$soname" librealm_sync.so
