#!/usr/bin/env bash
# tests/processes/soak.sh [SECONDS]: two processes write to one file and observe it, for 60 seconds or so many, six times:
#
#   Go       TestSoak, built with -race: while both have it open, and while both come and go; each plain and encrypted
#   thread   tests/cpp/processes.cpp under ThreadSanitizer
#   address  the same under AddressSanitizer (with leak detection) and UndefinedBehaviorSanitizer
#
# It fails when a notification is lost, a lock can't be had, or a detector has something to say. The C++ layer and the program are
# instrumented, the library is not: it is Go, whose detector is the first run. ThreadSanitizer needs no suppressions: where the library hands
# memory to its threads the headers say so (internal/abi.hpp). LeakSanitizer leaves out what Go's memory holds (scripts/lsan.supp).
# ./build.sh comes first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. scripts/goenv.sh
seconds=${1:-60}
build=$REPO/build
[ -e "$build/lib/librealm_sync.so" ] || { echo "build/ is empty: run ./build.sh first" >&2; exit 1; }

echo "== Go, -race"
go test "${GO_FLAGS[@]}" -race -count=1 -timeout "$((seconds * 6 + 600))s" -run '^TestSoak$' -v ./tests/processes -args -soak "${seconds}s"

export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
export LSAN_OPTIONS="suppressions='$REPO/scripts/lsan.supp':print_suppressions=0"
export UBSAN_OPTIONS=print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
for kind in thread address; do
    echo "== C++, $kind"
    sanitize=thread
    [ $kind = thread ] || sanitize=ON
    dir=$build/soak-$kind
    mkdir -p "$dir"
    cmake -S . -B "$dir" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCPPREALM_SANITIZE=$sanitize -DCPPREALM_PREBUILT_DIR="$build/lib" \
        -DCPPREALM_SERVER=OFF -DCPPREALM_EXAMPLES=OFF -DCPPREALM_INSTALL=OFF >"$dir/configure.log" || { cat "$dir/configure.log"; exit 1; }
    ninja -C "$dir" tests_processes >"$dir/build.log" || { cat "$dir/build.log"; exit 1; }
    "$dir/bin/tests/processes" "$seconds"
done
