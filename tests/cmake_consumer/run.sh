#!/usr/bin/env bash
# Builds and runs the consumer project in each way that a user can take: the plain compiler line, pkg-config, find_package,
# add_subdirectory, FetchContent; and the program in the README. ./build.sh test calls it after ./build.sh; the argument is the build directory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$repo/build}" && pwd)
work=$build/consumer
rm -rf "$work"
mkdir -p "$work"

# run NAME PROGRAM: in a folder of its own, which it may fill.
run() {
    mkdir -p "$work/data-$1"
    "$2" "$work/data-$1"
    echo "ok: $1"
}

cd "$repo"
g++ -std=c++17 "$here/main.cpp" -I include -I bindings/cpp/include -L "$build/lib" -lrealm_sync -o "$work/plain"
LD_LIBRARY_PATH=$build/lib run "plain compiler line" "$work/plain"

# The README's first program, with the address and the app of a server of its own, compiled by the README's line.
mkdir "$work/readme"
sed -n '/^```cpp$/,/^```$/{/^```/!p}' README.md >"$work/readme/app.txt"
grep -q 'int main()' "$work/readme/app.txt" && grep -qF '"http://127.0.0.1:9090"' "$work/readme/app.txt" && grep -qF '"my-app"' "$work/readme/app.txt"
compile=$(grep -m 1 '^g++ .* && ./app$' README.md)
readme() {
    sed "s|http://127.0.0.1:9090|$URL|; s|my-app|$APP|" "$work/readme/app.txt" >"$work/readme/app.cpp"
    ln -sfn "$repo/include" "$repo/bindings" "$work/readme/"
    mkdir -p "$work/readme/build"
    ln -sfn "$build/lib" "$work/readme/build/lib"
    cd "$work/readme"
    [ "$(eval "$compile")" = "write the README" ]
}
export -f readme
export work repo build compile
REALM_SYNC_SERVER=$build/bin/realm-sync-server scripts/with-server.sh bash -c 'URL=$1 APP=$2 readme' readme
echo "ok: the README's first program"

# The installed tree is moved once, and must not mind.
cmake --install "$build" --prefix "$work/before" >/dev/null
mv "$work/before" "$work/prefix"
"$work/prefix/bin/realm-sync-server" --help >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name librealm_sync.so)")

# eval: pkg-config escapes for the shell.
eval "flags=($(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs cpprealm))"
[[ " ${flags[*]} " != *" -std"* ]] || { echo "pkg-config names a standard, which replaces the one that the program was to be compiled with: ${flags[*]}"; exit 1; }
g++ -std=c++17 "$here/main.cpp" "${flags[@]}" -o "$work/pkg-config"
LD_LIBRARY_PATH=$libdir run pkg-config "$work/pkg-config"

cmake_way() {
    cmake -S "$here" -B "$work/$1" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DWAY="$1" "${@:2}" >"$work/$1.log" 2>&1 &&
        cmake --build "$work/$1" >>"$work/$1.log" 2>&1 || { cat "$work/$1.log"; exit 1; }
    run "$1" "$work/$1/consumer"
}
cmake_way find_package -DCMAKE_PREFIX_PATH="$work/prefix"
cmake_way add_subdirectory -DCPPREALM_REPOSITORY="$repo"
cmake_way fetch_content -DCPPREALM_REPOSITORY="$repo"
