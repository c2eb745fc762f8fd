#!/usr/bin/env bash
# Starts a throw-away PostgreSQL for tests, runs a command against it, and removes it.
#
#   scripts/postgres.sh run go test ./store/...
#
# The command finds the server in ESPALIER_TEST_POSTGRES_URL. Its exit code is the script's. The server is that of
# Debian's package postgresql-15 (PGBIN names another folder of binaries); it lives in a temporary folder, listens on a
# private socket and on a free port of 127.0.0.1 behind a random password, and syncs every commit as a real one does.
# ESPALIER_TEST_POSTGRES_RESTART names a program that crashes it and starts it again, after so many seconds as it is told.
# Who calls it has to have the server for itself: other tests would not like it.
set -euo pipefail

usage() {
	echo "usage: scripts/postgres.sh run COMMAND [ARGUMENT...]" >&2
	exit 2
}
[ "${1:-}" = run ] && [ $# -ge 2 ] || usage
shift

bin=${PGBIN:-/usr/lib/postgresql/15/bin}
if [ ! -x "$bin/initdb" ]; then
	echo "scripts/postgres.sh: PostgreSQL 15 is not in $bin: install Debian's package postgresql-15, or set PGBIN to the folder of its binaries" >&2
	exit 1
fi

# PostgreSQL refuses to run as root; the package made a user for it.
as_server=()
if [ "$(id -u)" = 0 ]; then
	if ! id postgres >/dev/null 2>&1; then
		echo "scripts/postgres.sh: PostgreSQL does not run as root, and there is no user postgres: make one, or run this as another user" >&2
		exit 1
	fi
	as_server=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/espalier-postgres.XXXXXX")
server=
finish() {
	if [ -n "$server" ]; then
		"${as_server[@]}" "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1 || true
		wait "$server" 2>/dev/null || true
	fi
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "$password" >"$dir/password"
[ "$(id -u)" != 0 ] || chown -R postgres:postgres "$dir"
cd "$dir"

if ! "${as_server[@]}" "$bin/initdb" -D "$dir/data" -U postgres --encoding=UTF8 --locale=C.UTF-8 --no-sync \
	--auth-local=trust --auth-host=md5 --pwfile="$dir/password" >"$dir/initdb.log" 2>&1; then
	cat "$dir/initdb.log" >&2
	exit 1
fi

# A port is free only until someone takes it: try, and try another.
for _ in 1 2 3 4 5 6 7 8; do
	port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
	options=(-k "$dir" -h 127.0.0.1 -p "$port" -c max_connections=300 -c shared_buffers=64MB)
	"${as_server[@]}" "$bin/postgres" -D "$dir/data" "${options[@]}" >"$dir/server.log" 2>&1 &
	server=$!
	for _ in $(seq 400); do
		if "$bin/pg_isready" -q -h "$dir" -p "$port" -U postgres; then break 2; fi
		if ! kill -0 "$server" 2>/dev/null; then
			server=
			break
		fi
		sleep 0.05
	done
	[ -z "$server" ] || kill -9 "$server"
	server=
done
if [ -z "$server" ]; then
	echo "scripts/postgres.sh: PostgreSQL did not start:" >&2
	cat "$dir/server.log" >&2
	exit 1
fi

# An immediate stop is a crash without a core: no transaction ends, no page is written, the next start recovers.
restart=$dir/restart
{
	echo '#!/usr/bin/env bash'
	echo 'set -euo pipefail'
	printf 'ctl=('
	printf '%q ' "${as_server[@]}" "$bin/pg_ctl" -D "$dir/data"
	printf ')\noptions=%q\nlog=%q\n' "${options[*]@Q}" "$dir/restarts.log"
	cat <<-'END'
		"${ctl[@]}" -m immediate -w stop >/dev/null
		sleep "${1:-0}"
		"${ctl[@]}" -l "$log" -o "$options" -w start >/dev/null
	END
} >"$restart"
chmod 755 "$restart"
export ESPALIER_TEST_POSTGRES_RESTART="$restart"

export ESPALIER_TEST_POSTGRES_URL="postgres://postgres:$password@127.0.0.1:$port/postgres?sslmode=disable"
code=0
(cd "$OLDPWD" && "$@") || code=$?
exit "$code"
