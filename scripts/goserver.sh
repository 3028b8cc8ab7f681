#!/usr/bin/env bash
# goserver.sh OUTFILE - builds realm-sync-server. build.sh and CMake both call it.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/goenv.sh"

[ $# -eq 1 ] || { echo "usage: scripts/goserver.sh OUTFILE" >&2; exit 2; }
require_go
mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$REPO"
go build "${GO_FLAGS[@]}" "${GO_RELEASE[@]}" -buildmode=pie -ldflags "-s -w -X main.version=$VERSION" -o "$out" ./cmd/realm-sync-server
