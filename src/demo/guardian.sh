# Runs the throwaway server and outlives pooltop by as long as it takes to clean up.
# $1: the directory; $2: where initdb and postgres are; $3: pgbouncer, or nothing. Standard input is a pipe that only pooltop holds: when it
# closes, pooltop is gone, however it went. Standard error is the locked file that marks the directory as in use.
directory=$1
programs=$2
pgbouncer=$3
trap '' HUP INT TERM QUIT PIPE

echo creating
"$programs/initdb" -D "$directory/data" -U postgres -A scram-sha-256 --pwfile="$directory/password" \
    -E UTF8 --locale=C --no-sync </dev/null >"$directory/log" 2>&1 || failed=yes
rm -f "$directory/password"

if [ -z "${failed-}" ]; then
    cat "$directory/settings" >>"$directory/data/postgresql.conf"
    echo starting
    "$programs/postgres" -D "$directory/data" </dev/null >"$directory/log" 2>&1 &
    server=$!
    if [ -n "$pgbouncer" ]; then
        "$pgbouncer" "$directory/pgbouncer.ini" </dev/null >"$directory/pgbouncer.log" 2>&1 &
        pooler=$!
    fi
    echo started
else
    echo failed
fi

while read -r _; do :; done

# Both are our own children and not yet waited for, so their numbers cannot have become another process's.
[ -z "${pooler-}" ] || { kill -KILL "$pooler"; wait "$pooler"; } >/dev/null 2>&1
[ -z "${server-}" ] || { kill -QUIT "$server"; wait "$server"; } >/dev/null 2>&1
rm -rf "$directory"
