#!/usr/bin/env bash
# with-server.sh [--say] COMMAND [ARG...]
#
# Starts a development server (realm-sync-server serve --dev) on a free port of this machine, with its data in a folder of its
# own, runs COMMAND ARG... URL APP_ID, and stops the server. Exits with COMMAND's status, or with 1 when the server does not
# start, dies, or does not stop cleanly on SIGTERM; then it shows the server's log. With --say it tells what it does.
#
# TMPDIR within COMMAND is a folder that is removed afterwards.
#
#   REALM_SYNC_SERVER   the server, default build/bin/realm-sync-server
#   REALM_APP_ID        default demo-app
#   REALM_RULES         rules of merging of the app, default compatible
#   REALM_SERVE_FLAGS   more flags of serve, separated by spaces
set -uo pipefail

say=:
if [ "${1:-}" = --say ]; then
    say=echo
    shift
fi
[ $# -ge 1 ] || { echo "usage: scripts/with-server.sh [--say] COMMAND [ARG...]" >&2; exit 2; }
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
server=${REALM_SYNC_SERVER:-$repo/build/bin/realm-sync-server}
app=${REALM_APP_ID:-demo-app}
[ -x "$server" ] || { echo "$server is missing: run ./build.sh first" >&2; exit 1; }

dir=$(mktemp -d "${TMPDIR:-/tmp}/realm-sync.XXXXXX")
pid=
clean() {
    if [ -n "$pid" ]; then
        kill -KILL "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    fi
    rm -rf "$dir"
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

show_log() {
    echo "--- the server's log (last 40 lines)" >&2
    tail -n 40 "$dir/log" >&2
    echo "---" >&2
}

# The first line on stdout is the address; it comes when the server listens, so nothing has to be polled.
mkfifo "$dir/stdout"
mkdir "$dir/tmp"
# shellcheck disable=SC2086 # flags are words
"$server" serve --listen 127.0.0.1:0 --data "$dir/data" --dev --rules "${REALM_RULES:-compatible}" ${REALM_SERVE_FLAGS:-} >"$dir/stdout" 2>>"$dir/log" &
pid=$!
exec 3<"$dir/stdout"
line=
read -r -t 120 -u 3 line
case $line in
    "listening on http://"*) url=${line#listening on } ;;
    *)
        echo "the server did not start; its first line was '$line', and should be 'listening on http://ADDR'" >&2
        show_log
        exit 1
        ;;
esac
cat <&3 >>"$dir/log" &
$say "The server is at $url (data in $dir/data, development mode)."
$say ""

TMPDIR=$dir/tmp "$@" "$url" "$app" 3<&-
status=$?

$say ""
if ! kill -TERM "$pid" 2>/dev/null; then
    echo "the server died while the program ran" >&2
    status=1
fi
# Its stdout ends when it ends. A server that does not drain in time is killed, and that is a failure.
timeout 120 cat <&3 >>"$dir/log" || kill -KILL "$pid" 2>/dev/null
wait "$pid"
stopped=$?
pid=
if [ "$stopped" -ne 0 ]; then
    echo "the server did not stop cleanly on SIGTERM: exit status $stopped" >&2
    [ "$status" -ne 0 ] || status=1
else
    $say "The server got SIGTERM, finished what it was doing, and stopped."
fi
[ "$status" -eq 0 ] || show_log
exit "$status"
