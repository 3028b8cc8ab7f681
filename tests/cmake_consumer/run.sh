#!/usr/bin/env bash
# Builds and runs the consumer project in each way that a user can take: the plain compiler line, pkg-config, find_package,
# add_subdirectory, FetchContent. ./build.sh test calls it after ./build.sh; the argument is the build directory.
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

# The installed tree is moved once, and must not mind.
cmake --install "$build" --prefix "$work/before" >/dev/null
mv "$work/before" "$work/prefix"
"$work/prefix/bin/realm-sync-server" --help >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name librealm_sync.so)")

# eval: pkg-config escapes for the shell.
eval "flags=($(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs cpprealm))"
g++ "$here/main.cpp" "${flags[@]}" -o "$work/pkg-config"
LD_LIBRARY_PATH=$libdir run pkg-config "$work/pkg-config"

cmake_way() {
    cmake -S "$here" -B "$work/$1" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DWAY="$1" "${@:2}" >"$work/$1.log" 2>&1 &&
        cmake --build "$work/$1" >>"$work/$1.log" 2>&1 || { cat "$work/$1.log"; exit 1; }
    run "$1" "$work/$1/consumer"
}
cmake_way find_package -DCMAKE_PREFIX_PATH="$work/prefix"
cmake_way add_subdirectory -DCPPREALM_REPOSITORY="$repo"
cmake_way fetch_content -DCPPREALM_REPOSITORY="$repo"
