# Sourced by every script that calls go: the flags that decide what is compiled are here, and only here, so that what is
# tested is what is shipped and the build cache is used by all.
#
#   REPO        the repository's root
#   GO_TAGS     build tags, the same for build, vet, test and fuzz
#   GO_FLAGS    array: flags of every go command that compiles
#   GO_RELEASE  array: what the shipped library and server add
#   VERSION     "major.minor.patch", from include/realm_sync.h
#
# require_go stops the script with a clear line when there is no usable Go.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# sqlite_omit_load_extension: a realm or a server never loads code named by a file, so SQLite cannot either.
GO_TAGS=sqlite_omit_load_extension

# -buildvcs=false: the version is the header's; a checkout owned by another user builds as well.
GO_FLAGS=(-buildvcs=false -tags "$GO_TAGS")

# Both the library and the server are position independent: it hardens the server, and SQLite is compiled once for the two.
GO_RELEASE=(-trimpath)

# go's own default, fixed here because a different value compiles SQLite again (a minute). SQLite's options are those that
# mattn/go-sqlite3 chooses; realm and server set the rest by PRAGMA when they open a file, where it can be read.
export CGO_ENABLED=1
export CGO_CFLAGS="-O2 -g"

VERSION=$(sed -n 's/^#define REALM_SYNC_VERSION_\(MAJOR\|MINOR\|PATCH\) \([0-9][0-9]*\)$/\2/p' "$REPO/include/realm_sync.h" | paste -sd. -)

# Where Go's own installer puts it, for shells that were not told.
command -v go >/dev/null 2>&1 || { [ -x /usr/local/go/bin/go ] && PATH=$PATH:/usr/local/go/bin; }

require_go() {
    local need have
    need=$(sed -n 's/^go \([0-9]*\.[0-9]*\).*/\1/p' "$REPO/go.mod")
    if ! command -v go >/dev/null 2>&1; then
        echo "Go is missing: librealm_sync needs Go $need or newer. Install it from https://go.dev/dl/ and put its bin directory on PATH." >&2
        exit 1
    fi
    # A Go of 1.21 or newer fetches the one that go.mod names by itself, unless GOTOOLCHAIN or the network forbids it.
    have=$(cd "$REPO" && go env GOVERSION 2>/dev/null | sed 's/^go//')
    if [ -z "$have" ] || [ "$(printf '%s\n%s\n' "$need" "$have" | sort -V | head -n 1)" != "$need" ]; then
        have=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)
        echo "Go is too old: librealm_sync needs Go $need or newer, and $(command -v go) is ${have:-unknown}. Install a newer one from https://go.dev/dl/." >&2
        exit 1
    fi
}
