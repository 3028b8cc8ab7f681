#!/usr/bin/env bash
# The main job on one machine: a server of our own, and two devices that edit the same data offline and reconcile.
# It needs what ./build.sh makes; ./build.sh demo builds and runs it.
#
# The server gets a folder and a port of its own and is stopped at the end. The devices are one program,
# examples/cpp/two_devices.cpp: it opens a synced realm per device and prints what each of them sees.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=build/bin/examples/two_devices
[ -x "$program" ] || { echo "$program is missing: run ./build.sh first" >&2; exit 1; }

echo "Two devices, one server"
echo
echo "Starting realm-sync-server."
exec scripts/with-server.sh --say "$PWD/$program"
