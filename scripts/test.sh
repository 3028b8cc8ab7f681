# The steps of ./build.sh test, which sources this file. Each step is a function step_NAME; its comment is what it holds.
#
# A step fails with any status but 0; the steps after it still run. A step whose inputs are not in the tree says so and counts as
# skipped. The closing line counts the steps.
#
# A step that waits more than it computes is in BESIDE: it runs beside the others, from when the build is done, and its turn in the list
# is when it is waited for.
#
#   FUZZTIME       how long each fuzz target runs, default 2s
#   SOAKTIME       how long the soak lasts, default 1m
#   REALM_SHARED   the folder with the acceptance programs, default ../shared
#   REALM_BUILD    set for the tests: the build directory, for those that start the server or load the library

STEPS=(build gofmt vet header cpp_headers cpp_modes ledger exports go cpp soak accept examples demo consumers fuzz)
BESIDE=(soak)
SHARED=${REALM_SHARED:-$REPO/../shared}
FUZZTIME=${FUZZTIME:-2s}
SOAKTIME=${SOAKTIME:-1m}
BUILT=yes
export REALM_BUILD=$BUILD

skip() {
    echo "skipped: $*"
    exit 77
}

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# needs_build stops a step that uses what the build step makes.
needs_build() {
    has_core || skip "there is no library to test: capi/ or cmd/realm-sync-server has no Go files yet"
    [ "$BUILT" = yes ] || fail "the build failed"
    [ -x "$BUILD/bin/realm-sync-server" ] || fail "build/ is empty: run ./build.sh first"
}

has_core() { compgen -G 'capi/*.go' >/dev/null && compgen -G 'cmd/realm-sync-server/*.go' >/dev/null; }

# programs DIR: the programs that a build put there.
programs() { find "$1" -maxdepth 1 -type f -perm -u+x 2>/dev/null | sort; }

# with_server NAME PROGRAM...: runs it with a server of its own; quiet unless it fails.
with_server() {
    local log=$BUILD/log/$1.log
    mkdir -p "$BUILD/log"
    if timeout -k 60 600 scripts/with-server.sh "${@:2}" >"$log" 2>&1 </dev/null; then
        echo "ok: $1 ($(grep -v '^$' "$log" | tail -n 1))"
    else
        cat "$log"
        echo "FAILED: $1"
        return 1
    fi
}

run_ctest() { (cd "$1" && ctest --output-on-failure --no-tests=error -j "$(nproc)"); }

# The library, the server and the examples compile.
step_build() {
    has_core || skip "capi/ or cmd/realm-sync-server has no Go files yet"
    build
}

# gofmt has nothing to say.
step_gofmt() {
    local files
    files=$(find . -name '*.go' -not -path './build/*' -print0 | xargs -0 gofmt -l)
    [ -z "$files" ] || fail "not formatted, run ./build.sh format: $files"
}

# go vet has nothing to say.
step_vet() { go vet "${GO_FLAGS[@]}" ./...; }

# The C header compiles alone, as C99 and as C++17, without a warning.
step_header() {
    local flags=(-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I include)
    echo '#include <realm_sync.h>' | gcc -std=c99 "${flags[@]}" -x c -
    echo '#include <realm_sync.h>' | g++ -std=c++17 "${flags[@]}" -x c++ -
}

# Each public C++ header compiles alone, without a warning.
step_cpp_headers() {
    compgen -G 'bindings/cpp/include/cpprealm/*.hpp' >/dev/null || skip "bindings/cpp/include/cpprealm is empty"
    (cd bindings/cpp/include && find cpprealm -name '*.hpp' -not -path '*/internal/*' -not -name 'uv_*' | sort) |
        xargs -P "$(nproc)" -I{} sh -c 'echo "#include <{}>" |
            g++ -std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only -I include -I bindings/cpp/include -x c++ -'
    # The original's internal headers, which some programs include: together, they are little more than names.
    (cd bindings/cpp/include && find cpprealm/internal/bridge cpprealm/internal/type_info.hpp -name '*.hpp' | sort | sed 's/.*/#include <&>/') |
        g++ -std=c++17 -Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only -I include -I bindings/cpp/include -x c++ -
}

# Programs that use all of the C++ headers also compile as newer C++, where comparisons are looked up in other ways, without RTTI, and with
# clang where it is installed; without a warning. (The build compiles them as C++17 with the default compiler.)
step_cpp_modes() {
    compgen -G 'tests/cpp/*.cpp' >/dev/null || skip "there is no tests/cpp/*.cpp"
    local flags="-Wall -Wextra -Wpedantic -Werror -fsyntax-only -I include -I bindings/cpp/include"
    {
        printf 'g++ -std=c++20 -fno-rtti %s\n' tests/cpp/{surface,properties,queries}.cpp
        if command -v clang++ >/dev/null; then
            printf 'clang++ -std=c++17 %s\n' tests/cpp/{surface,linking/main}.cpp
            printf 'clang++ -std=c++20 -fno-rtti %s\n' tests/cpp/{surface,queries}.cpp
        else
            echo "without clang++, which is not installed" >&2
        fi
    } | xargs -P "$(nproc)" -I{} sh -c "{} $flags && echo 'ok: {}'"
}

# Each test that docs/conformance.md, docs/conformance-sync.md and docs/conformance-server.md name is there.
step_ledger() {
    [ -f docs/conformance.md ] || skip "there is no docs/conformance.md"
    local entry file name status=0
    while read -r entry; do
        file=${entry%%: *} name=${entry#*: }
        if [ -d "$file" ]; then
            grep -qE "^func $name\(" "$file"/*_test.go || { echo "FAILED: docs/conformance*.md name '$entry', which does not exist"; status=1; }
            continue
        fi
        for file in "$file" "tests/cpp/$file.cpp" "tests/cpp/$file/main.cpp"; do [ ! -f "$file" ] || break; done
        # A case; or, of what is checked when it compiles, a line of some length.
        [ -f "$file" ] && { grep -qF -- "run(\"$name\"" "$file" || { [ ${#name} -gt 12 ] && grep -qF -- "$name" "$file"; }; } || { echo "FAILED: docs/conformance*.md name '$entry', which does not exist"; status=1; }
    done < <(grep -ohE '`[A-Za-z0-9_./]+: [^`]+`' docs/conformance.md docs/conformance-sync.md | tr -d '`' | sort -u)
    # The server's names are Go's: `folder`: `TestA`, `TestB`; without a folder, or behind a semicolon without one, server/api's.
    local folder
    while read -r folder name; do
        grep -qE "^func $name\(" "$folder"/*_test.go 2>/dev/null || { echo "FAILED: docs/conformance-server.md names $name of $folder, which does not exist"; status=1; }
    done < <(sed -nE 's/^\|.*\| (.*) \|$/\1/p' docs/conformance-server.md | awk -v RS='[;\n]' '{
            folder = "server/api"
            if (match($0, /`[a-z][A-Za-z0-9_\/-]*`:/)) folder = substr($0, RSTART + 1, RLENGTH - 3)
            while (match($0, /`(Test|Fuzz|Benchmark)[A-Za-z0-9_]*`/)) {
                print folder, substr($0, RSTART + 1, RLENGTH - 2)
                $0 = substr($0, RSTART + RLENGTH)
            }
        }' | sort -u)
    return $status
}

# nm -D of the library shows the functions of the header, and nothing else.
step_exports() {
    needs_build
    go run "${GO_FLAGS[@]}" ./scripts/exports check include/realm_sync.h "$BUILD/lib/librealm_sync.so"
}

# All Go tests: under the race detector but for PURE, and but for the three that the step soak runs, which measure memory; PLAIN also without it.
step_go() {
    local raced status=0
    mapfile -t raced < <(go list "${GO_FLAGS[@]}" ./... | grep -vE "^realmsync/($(IFS='|' && echo "${PURE[*]}"))(/|\$)")
    [ ${#raced[@]} -gt 0 ] || fail "there are no packages"
    # At its end the race detector sleeps for a second, of each process.
    GORACE=atexit_sleep_ms=0 go test "${GO_FLAGS[@]}" -race -timeout 15m -skip "^(TestSoak|TestInitialSyncOfALargeClass|TestHostileImports|$COUNTED)\$" "${raced[@]}" || status=1
    go test "${GO_FLAGS[@]}" -timeout 15m "${PURE[@]/#/./}" "${PLAIN[@]/#/./}" || status=1
    go test "${GO_FLAGS[@]}" -run "^($COUNTED)\$" ./core/store || status=1
    return $status
}

# PURE are folders of packages that start no goroutines (tests/arrows holds that), and neither do their tests: there are no races to find, and with the detector
# core/merge alone would take ten times its eight seconds. What they do for several goroutines at once is raced in the packages that use them.
PURE=(core/changeset core/changeset/memstate core/changeset/statetest core/merge)

# COUNTED counts on one goroutine what 800,000 insertions move.
COUNTED=TestInsertingMovesFewElements

# PLAIN have limits of memory that hold only without the race detector.
PLAIN=(server/functions/worker)

# A minute of random writes, changes of subscriptions, disconnects and restarts: all clients equal, fsck clean, the server's memory as before.
# And the initial sync of a large class while others write, and imports without an end.
step_soak() {
    go test "${GO_FLAGS[@]}" -timeout 10m -run '^(TestInitialSyncOfALargeClass|TestHostileImports)$' ./server/sync ./cmd/realm-sync-server &&
        REALM_SOAK=$SOAKTIME REALM_SOAK_CLIENTS=8 go test "${GO_FLAGS[@]}" -count=1 -timeout 30m -run '^TestSoak$' -v ./tests/e2e
}

# The C++ tests, and the examples, under AddressSanitizer (with leak detection) and UndefinedBehaviorSanitizer.
step_cpp() {
    needs_build
    compgen -G 'tests/cpp/*.c*' >/dev/null || compgen -G 'examples/*/*.c*' >/dev/null || skip "there are no C++ programs"
    local dir=$BUILD/sanitize program status=0
    configure "$dir" -DCMAKE_BUILD_TYPE=Debug -DCPPREALM_TESTS=ON -DCPPREALM_SANITIZE=ON -DCPPREALM_PREBUILT_DIR="$BUILD/lib" \
        -DCPPREALM_SERVER=OFF -DCPPREALM_INSTALL=OFF
    cmake --build "$dir"
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1
    export LSAN_OPTIONS="suppressions='$REPO/scripts/lsan.supp':print_suppressions=0"
    export UBSAN_OPTIONS=print_stacktrace=1
    if [ -n "$(programs "$dir/bin/tests")" ]; then
        run_ctest "$dir" || status=1
    fi
    while read -r program; do
        with_server "$(basename "$program") (sanitized)" "$program" || status=1
    done < <(programs "$dir/bin/examples")
    return $status
}

# The acceptance programs, written only against the documented surface, compile unchanged and hold.
step_accept() {
    needs_build
    compgen -G "$SHARED/accept/*.cpp" >/dev/null || skip "there is no $SHARED/accept"
    local source name status=0
    for source in "$SHARED"/accept/*.cpp; do
        name=$(basename "$source" .cpp)
        if compile_plain "$source" "$BUILD/accept/$name"; then
            with_server "$name" "$BUILD/accept/$name" || status=1
        else
            echo "FAILED: $name does not compile"
            status=1
        fi
    done
    return $status
}

# Every example does what it says.
step_examples() {
    needs_build
    [ -n "$(programs "$BUILD/bin/examples")" ] || skip "there is no example yet"
    local program status=0
    while read -r program; do
        with_server "$(basename "$program")" "$program" || status=1
    done < <(programs "$BUILD/bin/examples")
    for program in examples/python/*.py; do
        [ -f "$program" ] || continue
        REALM_SYNC_LIBRARY=$BUILD/lib/librealm_sync.so with_server "$(basename "$program")" python3 "$program" || status=1
    done
    return $status
}

# The README's first command.
step_demo() {
    needs_build
    [ -x "$BUILD/bin/examples/two_devices" ] || skip "there is no examples/cpp/two_devices.cpp yet"
    examples/demo.sh
}

# A user's project builds and runs in each way that the README names.
step_consumers() {
    needs_build
    tests/cmake_consumer/run.sh "$BUILD"
}

# Every fuzz target, for FUZZTIME. Each package is compiled once, and as many are fuzzed at once as there are processors, each by one worker.
step_fuzz() {
    local dirs dir logs=$BUILD/log/fuzz inputs
    rm -rf "$logs"
    mkdir -p "$logs"
    inputs=$(go env GOCACHE)/fuzz/$(go list -m)
    mapfile -t dirs < <(grep -rlE '^func Fuzz[A-Za-z0-9_]+\(' --include='*_test.go' . | xargs -r -n1 dirname | sort -u)
    [ ${#dirs[@]} -gt 0 ] || skip "there is no fuzz target"
    for dir in "${dirs[@]}"; do
        [ "$(jobs -rp | wc -l)" -lt "$(nproc)" ] || wait -n || true # whether it failed is in a file
        { fuzz_package "$dir" "$logs/$(tr / _ <<<"${dir#./}")" "$inputs/${dir#./}" || touch "$logs/failed"; } &
    done
    wait
    [ ! -e "$logs/failed" ]
}

# fuzz_package DIR LOG INPUTS: its fuzz targets, one after the other. A target that fails leaves its input in DIR/testdata/fuzz.
fuzz_package() {
    local target status=0
    go test "${GO_FLAGS[@]}" -c -fuzz . -o "$2.test" "$1" || { echo "FAILED: $1 does not compile"; return 1; }
    for target in $(cd "$1" && "$2.test" -test.list '^Fuzz'); do
        # Go ends a run of limited time by a deadline, and now and then reports that as a failure of the target. A real
        # failure comes with an input.
        fuzz_one "$@" "$target" ||
            { ! grep -q 'Failing input written' "$2.log" && grep -q 'context deadline exceeded' "$2.log" && fuzz_one "$@" "$target"; } ||
            { cat "$2.log"; echo "FAILED: $1 $target"; status=1; continue; }
        echo "ok: $1 $target ($(grep -oE 'execs: [0-9]+' "$2.log" | tail -n 1))"
    done
    rm "$2.test"
    return $status
}

fuzz_one() { (cd "$1" && "$2.test" -test.run '^$' -test.fuzz "^$4\$" -test.fuzztime "$FUZZTIME" -test.parallel 1 -test.fuzzcachedir "$3") >"$2.log" 2>&1; }

# run_step STEP: in a shell of its own.
run_step() (
    set -euo pipefail
    "step_$1"
) </dev/null

# start_beside STEP...: starts those of the steps that run beside the others, once.
declare -A PIDS=()
start_beside() {
    local step
    for step in "${BESIDE[@]}"; do
        [[ " $* " == *" $step "* ]] && [ -z "${PIDS[$step]:-}" ] || continue
        mkdir -p "$BUILD/log"
        run_step "$step" >"$BUILD/log/step_$step.log" 2>&1 &
        PIDS[$step]=$!
    done
}

# run_steps [STEP...]: all steps when none is named. Its status is 0 when no step failed.
run_steps() {
    local steps=("$@") step status passed=() failed=() skipped=() begin
    if [ "${1:-}" = list ]; then
        grep -B1 '^step_[a-z_]*()' scripts/test.sh | sed -nE 's/^# (.*)/\1/; h; n; s/^step_([a-z_]*).*/\1/; G; s/^([^\n]*)\n(.*)/\1: \2/p; n'
        return 0
    fi
    [ ${#steps[@]} -gt 0 ] || steps=("${STEPS[@]}")
    for step in "${steps[@]}"; do
        declare -F "step_$step" >/dev/null || { echo "unknown step $step: the steps are ${STEPS[*]}" >&2; return 2; }
    done
    local beside=("${steps[@]}")
    [[ " ${steps[*]} " != *" build "* ]] || beside=()
    for step in "${steps[@]}"; do
        start_beside "${beside[@]}"
        echo
        echo "=== $step"
        begin=$SECONDS
        set +e
        if [ -n "${PIDS[$step]:-}" ]; then
            wait "${PIDS[$step]}"
            status=$?
            cat "$BUILD/log/step_$step.log"
        else
            run_step "$step" 2>&1
            status=$?
        fi
        set -e
        [ "$step" != build ] || beside=("${steps[@]}")
        case $status in
            0) passed+=("$step") && echo "--- $step passed ($((SECONDS - begin)) s)" ;;
            77) skipped+=("$step") ;;
            *) failed+=("$step") && echo "--- $step FAILED ($((SECONDS - begin)) s)" ;;
        esac
        [ "$step" != build ] || [ $status -eq 0 ] || BUILT=no
    done
    echo
    [ ${#failed[@]} -eq 0 ] || echo "Failed: ${failed[*]}"
    [ ${#skipped[@]} -eq 0 ] || echo "Skipped: ${skipped[*]}"
    if [ ${#skipped[@]} -eq 0 ]; then
        echo "${#passed[@]} passed, ${#failed[@]} failed"
    else
        echo "${#passed[@]} passed, ${#failed[@]} failed, ${#skipped[@]} skipped"
    fi
    [ ${#failed[@]} -eq 0 ]
}
