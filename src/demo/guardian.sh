# Runs the throwaway server and outlives pooltop by as long as it takes to clean up.
# $1: the directory; $2: where initdb and postgres are. Standard input is a pipe that only pooltop holds: when it
# closes, pooltop is gone, however it went. Standard error is the locked file that marks the directory as in use.
directory=$1
programs=$2
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
    echo started
else
    echo failed
fi

while read -r _; do :; done

# The server is our own child and not yet waited for, so its number cannot have become another process's.
[ -z "${server-}" ] || { kill -QUIT "$server"; wait "$server"; } >/dev/null 2>&1
rm -rf "$directory"
