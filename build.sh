#!/usr/bin/env bash
# Builds, tests, shows and installs librealm_sync. ./build.sh help lists the commands.
#
# It needs Go, gcc/g++ and git. The other tools (cmake, ninja, pkg-config, python3) it installs with apt-get when it runs as
# root, otherwise it prints the command and stops.
set -euo pipefail
CALLER=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")"
. scripts/goenv.sh

BUILD=$REPO/build

usage() {
    cat <<'EOF'
usage: ./build.sh [COMMAND]

  (none)                 build everything, Release, into build/:
                           build/lib/librealm_sync.so     the library
                           build/bin/realm-sync-server    the server
                           build/bin/examples/            the examples
  demo                   build, start the server and let two devices sync through it
  test [STEP...]         build and run every test, or only some steps (./build.sh test list shows them)
  bench                  build, and run the benchmarks in ../shared/bench and Go's (BENCH_SCALE=0.1 for a quick look)
  install --prefix DIR   build and install library, headers, server, CMake package and pkg-config files
  format                 gofmt, and clang-format for C and C++
  clean                  remove build/
  help                   this text

  FUZZTIME=30s ./build.sh test    how long each fuzz target runs (default 2s)
  SOAKTIME=10m ./build.sh test    how long clients write at random (default 1m)
EOF
}

# tool PACKAGE COMMAND: notes the Debian package when the command is missing.
missing=()
tool() { command -v "$2" >/dev/null 2>&1 || missing+=("$1"); }

# install_missing installs what tool noted, or says how and stops.
install_missing() {
    [ ${#missing[@]} -gt 0 ] || return 0
    local apt="apt-get install -y --no-install-recommends ${missing[*]}" wait="-o DPkg::Lock::Timeout=300"
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing: ${missing[*]}"
        export DEBIAN_FRONTEND=noninteractive
        # The package lists of a fresh machine are empty or old; fetch them only then.
        local log
        log=$(mktemp)
        if ! $apt $wait >"$log" 2>&1 && ! { apt-get update >"$log" 2>&1 && $apt $wait >>"$log" 2>&1; }; then
            cat "$log" >&2
            echo "This failed: apt-get update && $apt" >&2
            exit 1
        fi
        rm -f "$log"
    else
        echo "Missing tools. Install them and run this again:" >&2
        if command -v apt-get >/dev/null 2>&1; then
            echo "  sudo apt-get update && sudo $apt" >&2
        else
            echo "  the packages that Debian calls: ${missing[*]}" >&2
        fi
        exit 1
    fi
    missing=()
}

ensure_tools() {
    require_go
    tool gcc gcc
    tool g++ g++
    tool cmake cmake
    tool ninja-build ninja
    tool pkg-config pkg-config
    tool python3 python3
    install_missing
    optional_libuv
}

# libuv is only for the example live_updates and the test of its scheduler, which are left out without it. Root gets it before the first
# build, if that is easy.
optional_libuv() {
    [ "$(id -u)" -eq 0 ] && [ ! -e "$BUILD/CMakeCache.txt" ] && [ ! -e /usr/include/uv.h ] && command -v apt-get >/dev/null 2>&1 || return 0
    DEBIAN_FRONTEND=noninteractive timeout 60 apt-get install -y --no-install-recommends -o Acquire::Retries=0 libuv1-dev >/dev/null 2>&1 ||
        echo "There is no libuv: without libuv1-dev the example live_updates is not built."
}

# configure DIR [OPTION...]: CMake, quiet unless it fails.
configure() {
    mkdir -p "$1"
    cmake -S "$REPO" -B "$1" -G Ninja "${@:2}" >"$1/configure.log" 2>&1 || { cat "$1/configure.log" >&2; return 1; }
}

# The C++ tests are compiled by their step, with sanitizers, and only so: it takes longer than all the rest.
build() {
    echo "Building into build/. The first time takes a few minutes: SQLite and Go's library are compiled too."
    configure "$BUILD" -DCMAKE_BUILD_TYPE=Release -DCPPREALM_TESTS=OFF
    cmake --build "$BUILD"
}

# The programs outside of our tree (../shared) are compiled by the plain line that the README gives.
compile_plain() {
    mkdir -p "$(dirname "$2")"
    g++ -std=c++17 -O2 "$1" -I include -I bindings/cpp/include -L "$BUILD/lib" -lrealm_sync -Wl,-rpath,"$BUILD/lib" -o "$2"
}

bench() {
    local scale=${BENCH_SCALE:-1.0} shared=${REALM_SHARED:-$REPO/../shared} program source
    local programs=()
    mkdir -p "$BUILD/log"
    for source in "$shared"/bench/*.cpp; do
        [ -f "$source" ] || continue
        program=$BUILD/bin/bench/$(basename "$source" .cpp)
        if compile_plain "$source" "$program" 2>"$BUILD/log/bench.log"; then
            programs+=("$program")
        else
            echo "== $(basename "$source") does not compile with this version: $(grep -m 1 'error' "$BUILD/log/bench.log")"
        fi
    done
    for program in "${programs[@]}"; do
        [ -x "$program" ] || continue
        echo
        echo "== $(basename "$program")"
        case $(basename "$program") in
            # URL and APP_ID come first, the scale after them.
            sync_*) scripts/with-server.sh bash -c '"$1" "$3" "$4" "$2"' bench "$program" "$scale" ;;
            *) "$program" "$scale" ;;
        esac
    done
    echo
    echo "== Go"
    local packages
    mapfile -t packages < <(grep -rlE '^func Benchmark' --include='*_test.go' . | xargs -r -n1 dirname | sort -u)
    [ ${#packages[@]} -eq 0 ] || go test "${GO_FLAGS[@]}" -run '^$' -bench . -benchmem "${packages[@]}"
}

format() {
    find . -name '*.go' -not -path './build/*' -print0 | xargs -0 gofmt -w
    tool clang-format clang-format
    install_missing
    # include/realm_sync.h is set by hand: it is a document.
    local folders=() folder
    for folder in bindings examples tests; do [ ! -d "$folder" ] || folders+=("$folder"); done
    find "${folders[@]}" -name '*.[ch]' -print0 -o -name '*.[ch]pp' -print0 | xargs -0 -r clang-format -i
}

command=${1:-build}
[ $# -eq 0 ] || shift
case $command in
    build)
        ensure_tools
        build
        ;;
    demo)
        ensure_tools
        build
        echo
        exec examples/demo.sh
        ;;
    test)
        ensure_tools
        . scripts/test.sh
        run_steps "$@"
        ;;
    bench)
        ensure_tools
        build
        bench
        ;;
    install)
        prefix=
        case ${1:-} in
            --prefix) prefix=${2:-} ;;
            --prefix=*) prefix=${1#--prefix=} ;;
        esac
        [ -n "$prefix" ] || { echo "usage: ./build.sh install --prefix DIR" >&2; exit 2; }
        case $prefix in
            /*) ;;
            *) prefix=$CALLER/$prefix ;;
        esac
        ensure_tools
        build
        cmake --install "$BUILD" --prefix "$prefix"
        ;;
    format)
        require_go
        format
        ;;
    clean) rm -rf "$BUILD" ;;
    help | -h | --help) usage ;;
    *)
        echo "unknown command: $command" >&2
        usage >&2
        exit 2
        ;;
esac
