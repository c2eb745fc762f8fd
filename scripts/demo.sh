#!/bin/sh
# Makes a fresh database with a sample MSP and serves it: demo.sh BINARY FOLDER ADDRESS
set -eu
bin=$1 dir=$2 listen=$3
owner=olivia@northwind.example

if [ -S "$dir/operator.sock" ] && ! rm -r "$dir" 2>/dev/null; then
	echo "demo: cannot clear $dir" >&2
	exit 1
fi
rm -rf "$dir"
made=$("$bin" init --data "$dir" --org "Northwind MSP" --owner "$owner" --json)
org=$(printf '%s' "$made" | sed -n 's/.*"orgId": *\([0-9]*\).*/\1/p')
refresh=$(printf '%s' "$made" | sed -n 's/.*"refreshToken": *"\([^"]*\)".*/\1/p')
umask 077
printf '%s\n' "$refresh" >"$dir/owner.token"

"$bin" serve --data "$dir" --listen "$listen" --log-level warn &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT INT TERM

export XDG_CONFIG_HOME="$dir/config"
tries=0
until "$bin" login "http://$listen" --token-file "$dir/owner.token" --org "$org" >/dev/null 2>"$dir/login.err"; do
	tries=$((tries + 1))
	if [ "$tries" -gt 50 ] || ! kill -0 "$server" 2>/dev/null; then
		cat "$dir/login.err" >&2
		echo "demo: the server did not come up" >&2
		exit 1
	fi
	sleep 0.1
done
"$bin" customer import examples/northwind/customers.csv

cat <<END

Northwind MSP is served at      http://$listen
Its API reference               http://$listen/docs
Its owner signs in as           $owner
  with the refresh token        $refresh
List its customers:

  curl -s http://$listen/msp/v2/orgs/$org/customers -H "Authorization: Bearer \$(curl -s http://$listen/oidc/token -d '{"grant_type":"refresh_token","refresh_token":"$refresh"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')"

Or with the command line: XDG_CONFIG_HOME=$dir/config $bin customer list
Stop with Ctrl-C.
END
wait "$server" || true
