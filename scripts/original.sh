#!/usr/bin/env bash
# original.sh [GO TEST ARGUMENTS...]
#
# Holds the server against the original's client: fetches the binary of Realm Core that the npm package realm carries for Android on x86_64
# (180 MB, once), makes a program for this machine of it (tests/original/peer), and runs the tests of tests/original with that. Nothing of
# Realm's is in the repository; its license is Apache 2.0.
#
#   scripts/original.sh                                 all tests
#   scripts/original.sh -run TestOriginalsConverge -v   some
#   REALM_ORIGINAL_SEEDS=100 REALM_ORIGINAL_FROM=40 scripts/original.sh -run Converge
#   scripts/original.sh build                           only the program, build/original/peer
#
# Needs Go, curl, clang, libc++, LLVM's objcopy, OpenSSL and zlib (Debian: clang-14 libc++-14-dev libc++abi-14-dev llvm-14 libssl-dev
# zlib1g-dev), all of one version of LLVM, 14 to 18: LLVM_VERSION, default 14. Linux on x86_64 only.
#
# Android's binary runs here because its kernel, calling convention and C++ ABI are Linux's. Three things differ, and are made alike: the
# name of the namespace of libc++ (symbols are renamed), a few functions of its C library (peer/bionic/bionic.c), and how pthread's types
# are aligned (the headers beside it).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. scripts/goenv.sh

version=12.14.2 # the last with sync: Realm Core 14.13.5, protocol 14
digest=5a0233786f31077cabdb91f74759b58f4c909882a8d588931086c5534ba039f1
llvm=${LLVM_VERSION:-14}
out=$REPO/build/original
source=$REPO/tests/original/peer

[ "$(uname -sm)" = "Linux x86_64" ] || { echo "original.sh: the original's binary is for Linux on x86_64" >&2; exit 2; }
for tool in "clang++-$llvm" "llvm-objcopy-$llvm" "llvm-nm-$llvm" curl; do
    command -v "$tool" >/dev/null || {
        echo "original.sh: $tool is missing: apt-get install clang-$llvm libc++-$llvm-dev libc++abi-$llvm-dev llvm-$llvm libssl-dev zlib1g-dev curl" >&2
        exit 2
    }
done
mkdir -p "$out"

# fetch leaves headers and libraries in $out/realm.
fetch() {
    local package=$out/realm-$version.tgz
    if ! [ -f "$package" ]; then
        echo "Fetching realm $version from npm (180 MB)"
        curl -fL --retry 3 --progress-bar "https://registry.npmjs.org/realm/-/realm-$version.tgz" -o "$package.part"
        mv "$package.part" "$package"
    fi
    echo "$digest  $package" | sha256sum --check --quiet || { echo "original.sh: $package is not the published one; it is removed" >&2; rm -f "$package"; exit 1; }
    rm -rf "$out/realm" "$out/lib"
    mkdir -p "$out/realm" "$out/lib"
    tar -xzf "$package" -C "$out/realm" --strip-components=4 package/prebuilds/android/x86_64
}

# adapt gives the libraries' symbols the names that they have here.
adapt() {
    "llvm-nm-$llvm" "$out"/realm/lib/*.a 2>/dev/null | awk 'NF >= 2 { print $NF }' | grep -E 'St6__ndk1|9mbstate_t' | sort -u |
        awk '{ to = $1; gsub(/St6__ndk1/, "St3__1", to); gsub(/9mbstate_t/, "11__mbstate_t", to); print $1, to }' >"$out/names"
    sed -nE 's/^.* shim_([a-z]+)\(.*/\1 shim_\1/p' "$source/bionic/bionic.c" | sort -u >>"$out/names"
    echo "strerror_r __xpg_strerror_r" >>"$out/names"
    local library
    for library in "$out"/realm/lib/*.a; do
        "llvm-objcopy-$llvm" --redefine-syms="$out/names" "$library" "$out/lib/$(basename "$library")"
    done
}

build() {
    if ! [ -f "$out/lib/done-$version" ] || [ "$source/bionic/bionic.c" -nt "$out/lib/done-$version" ]; then
        fetch
        adapt
        touch "$out/lib/done-$version"
    fi
    if [ -x "$out/peer" ] && [ -z "$(find "$source" -newer "$out/peer" -type f)" ]; then
        return
    fi
    local flags=(-std=c++17 -stdlib=libc++ -O1 -femulated-tls -I "$source/bionic" -I "$out/realm/include"
        -DANDROID -DNDEBUG -DREALM_HAVE_EPOLL=1 -DREALM_ENABLE_SYNC=1 -DREALM_APP_SERVICES=1)
    "clang-$llvm" -O1 -Wall -Wno-unused-parameter -c "$source/bionic/bionic.c" -o "$out/bionic.o"
    "clang++-$llvm" "${flags[@]}" -c "$source/main.cpp" -o "$out/main.o"
    "clang++-$llvm" -stdlib=libc++ "$out/main.o" "$out/bionic.o" -fuse-ld=gold -Wl,--gc-sections -s \
        -Wl,--start-group "$out"/lib/*.a -Wl,--end-group -lssl -lcrypto -lz -lpthread -lm -o "$out/peer"
}

build
[ "${1:-}" != build ] || { echo "$out/peer"; exit 0; }
REALM_ORIGINAL=$out/peer exec go test "${GO_FLAGS[@]}" -timeout 60m "$@" ./tests/original
