# Runs a server for a test and ends with it. Usage: sh -c <this> guardian DIRECTORY COMMAND…
#
# Reads words from standard input: `start` starts the command, a signal's name stops it with that signal and waits for
# it, and the end of input (the test process is gone) stops it at once and removes the directory. Answers each
# word with one line.
root=$1
shift
pid=
exec 2>/dev/null
trap '' INT TERM HUP

# A frozen process would not see any signal but KILL, so it is woken first, with its children. A server that has
# not ended after ten seconds is killed.
stop() {
    [ -n "$pid" ] || return 0
    for signal in "$@"; do
        kill -s "$signal" "$pid" 2>/dev/null
    done
    children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)
    # shellcheck disable=SC2086 # a list of pids
    kill -s CONT "$pid" $children 2>/dev/null
    { sleep 10 && kill -s KILL "$pid"; } </dev/null >/dev/null 2>&1 &
    watchdog=$!
    wait "$pid"
    kill -s KILL "$watchdog"
    wait "$watchdog"
    pid=
}

while read -r word; do
    case $word in
    start)
        "$@" </dev/null >>"$root/server.log" 2>&1 &
        pid=$!
        echo "$pid"
        ;;
    *)
        stop "$word"
        echo stopped
        ;;
    esac
done
# PostgreSQL ends at once on QUIT; PgBouncer and Redis, in versions where they do not, on TERM.
stop QUIT TERM
rm -rf "$root"
