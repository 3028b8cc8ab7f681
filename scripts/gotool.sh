#!/usr/bin/env bash
# gotool.sh PACKAGE OUTFILE - builds a program that the build or the tests use, such as ./tests/localwrites.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/goenv.sh"

[ $# -eq 2 ] || { echo "usage: scripts/gotool.sh PACKAGE OUTFILE" >&2; exit 2; }
require_go
mkdir -p "$(dirname "$2")"
out=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
cd "$REPO"
go build "${GO_FLAGS[@]}" -o "$out" "$1"
