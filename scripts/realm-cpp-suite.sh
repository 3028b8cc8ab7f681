#!/usr/bin/env bash
# realm-cpp-suite.sh DIR [NAME...]
#
# Builds realm-cpp's own tests, from a checkout of that project in DIR, against this project's headers and library, unmodified, and runs
# them: each file tests/db/NAME_tests.cpp and tests/sync/NAME_tests.cpp as a program of its own, those of tests/sync against a development
# server. NAME is as in "db/list" or "sync/app"; without one, all files. Says for each file how many assertions passed; exits with 1 when
# one fails, does not compile, or when there is nothing to run.
#
# Needs ./build.sh to have run, and a C++ compiler; Catch2, version 3 or 2 (Debian: catch2); and for tests/sync nlohmann's JSON, OpenSSL and
# Boost (nlohmann-json3-dev libssl-dev libboost-dev). The headers of Realm Core that the tests include are tests/cpp/original. Tests of
# performance are left out.
#
#   CXX        the compiler, default g++
#   CXXFLAGS   default -O0
#   SUITE_DIR  for what is built, default build/realm-cpp-suite
set -uo pipefail

[ $# -ge 1 ] || { echo "usage: scripts/realm-cpp-suite.sh DIR [NAME...]" >&2; exit 2; }
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tests=$(cd "$1" && pwd)/tests || exit 2
shift
[ -d "$tests" ] || { echo "$tests is missing: DIR is to be a checkout of realm-cpp" >&2; exit 2; }
lib=$repo/build/lib
[ -e "$lib/librealm_sync.so" ] || { echo "$lib/librealm_sync.so is missing: run ./build.sh first" >&2; exit 2; }
out=${SUITE_DIR:-$repo/build/realm-cpp-suite}
mkdir -p "$out"
cxx=${CXX:-g++}
# shellcheck disable=SC2206 # flags are words
flags=(-std=c++17 ${CXXFLAGS:--O0} -I "$tests" -I "$repo/tests/cpp/original" -I "$repo/bindings/cpp/include" -I "$repo/include")
libs=(-L "$lib" -lrealm_sync -lpthread "-Wl,-rpath,$lib")
if echo '#include <catch2/catch_all.hpp>' | "$cxx" -std=c++17 -fsyntax-only -x c++ - 2>/dev/null; then
    libs+=(-lCatch2)
else
    flags+=(-I "$repo/tests/realm_cpp")
fi

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
    mapfile -t names < <(cd "$tests" && ls -d db/*_tests.cpp sync/*_tests.cpp 2>/dev/null | sed 's/_tests\.cpp$//' | grep -v '^db/performance$')
fi
[ ${#names[@]} -gt 0 ] || { echo "there is no test in $tests" >&2; exit 1; }
sync=0
for name in "${names[@]}"; do [ "${name%%/*}" != sync ] || sync=1; done

# compile SOURCE OBJECT [FLAG...]: in the background, as many at a time as there are processors.
compile() {
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    {
        rm -f "$2"
        "$cxx" "${flags[@]}" "${@:3}" -c "$1" -o "$2" 2>"$2.log" || { rm -f "$2"; echo "DOES NOT COMPILE: $1, see $2.log"; }
    } &
}
compile "$repo/tests/realm_cpp/main.cpp" "$out/main.o"
for name in "${names[@]}"; do
    more=()
    [ "${name%%/*}" != sync ] || more=(-DCPPREALM_ENABLE_SYNC_TESTS -DREALM_ENABLE_EXPERIMENTAL)
    compile "$tests/${name}_tests.cpp" "$out/${name//\//_}.o" "${more[@]}"
done
if [ "$sync" = 1 ]; then
    compile "$repo/tests/realm_cpp/main.cpp" "$out/sync_main.o" -DCPPREALM_ENABLE_SYNC_TESTS
    compile "$tests/admin_utils.cpp" "$out/admin_utils.o"
    [ ! -f "$tests/utils/networking/proxy_server.cpp" ] || compile "$tests/utils/networking/proxy_server.cpp" "$out/proxy_server.o"
fi
wait

# What the tests leave behind goes with this folder.
run=$(mktemp -d "${TMPDIR:-/tmp}/realm-cpp-suite.XXXXXX")
trap 'rm -rf "$run"' EXIT
status=0 passed=0
for name in "${names[@]}"; do
    program=$out/${name//\//_}
    rm -f "$program"
    objects=("$program.o" "$out/main.o") more=()
    if [ "${name%%/*}" = sync ]; then
        objects=("$program.o" "$out/sync_main.o" "$out/admin_utils.o") more=(-lssl -lcrypto)
        [ ! -f "$out/proxy_server.o" ] || objects+=("$out/proxy_server.o")
    fi
    if ! "$cxx" "${objects[@]}" -o "$program" "${libs[@]}" "${more[@]}" 2>"$program.link.log"; then
        echo "$name: not built"
        status=1
        continue
    fi
    if [ "${name%%/*}" = sync ]; then
        # The tests expect that ids which no app has are refused, and that a device hears of a program's write only after a while. The last two words are for with-server.sh's programs, not for these.
        (cd "$run" && REALM_DISABLE_METADATA_ENCRYPTION=1 REALM_SERVE_FLAGS="--known-apps --program-delay=500ms" timeout 900 "$repo/scripts/with-server.sh" \
            bash -c 'REALM_LOCAL_ENDPOINT=$1 exec "$0"' "$program") >"$program.log" 2>&1
    else
        (cd "$run" && timeout 900 "$program") >"$program.log" 2>&1
    fi
    code=$?
    result=$(grep -aE '^(All tests passed|assertions:|No tests ran)' "$program.log" | tail -n 1)
    echo "$name: ${result:-ended with status $code, see $program.log}"
    # A run without a single assertion is a mistake too.
    n=$(sed -nE 's/^All tests passed \(([0-9]+) assertions?.*/\1/p' <<<"$result")
    if [ "$code" -eq 0 ] && [ -n "$n" ]; then passed=$((passed + n)); else
        status=1
        grep -aE -A 4 'FAILED:' "$program.log" | head -n 60
    fi
done
echo "$passed assertions passed in files without a failure"
exit "$status"
