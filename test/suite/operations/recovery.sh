#!/bin/bash
# Rehearses the loss of the machine: a server is backed up and lost, and a new one takes
# its place. It works in a new directory below /tmp, on loopback, and leaves nothing.
#
# Usage: test/suite/operations/recovery.sh [PROGRAM]     (default: secondgate on the PATH)
set -euo pipefail
program=$(realpath "$(command -v "${1:-secondgate}")")
dir=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
export XDG_DATA_HOME=$dir XDG_CONFIG_HOME=$dir
secondgate() { "$program" "$@" 2>"$dir/said" || { cat "$dir/said" >&2; return 1; }; }
port=${PORT:-$((20000 + RANDOM % 10000))}

step() { printf '\n# %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

# machine makes the directory of a machine: its Caddyfile, with a portal that knows one user.
machine() { # NAME
	mkdir -m 0700 "$1"
	cat >"$1/Caddyfile" <<-END
		{
			admin unix/$dir/$1/admin.sock|0600
			persist_config off
			log {
				output file $dir/$1/log
			}
			two_factor {
				storage badger $dir/$1/state
				key {file.$dir/$1/master.key}
			}
		}
		http://127.0.0.1:$port {
			bind 127.0.0.1
			two_factor {
				realm shop
				whoami /me {
					anonymous status 401
					user json id
				}
			}
			respond /me "{}" 401
			respond "the portal"
		}
	END
}

start() { # NAME
	"$program" run --config "$1/Caddyfile" >"$1/out" 2>&1 &
	pid=$!
	local n
	for n in $(seq 200); do
		curl -sf -o /dev/null "http://127.0.0.1:$port/two-factor/health/ready" && return
		kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	cat "$1/out" "$1/log" >&2
	return 1
}

step "The machine that is going to be lost, with three customers"
machine before
(umask 077 && head -c 32 /dev/urandom | base64 >before/master.key)
cp before/master.key in-the-safe
start before
cat >old.csv <<-END
	user,secret
	1001,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ
	1002,MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U
	1003,OV3HO6DZPIYTEMZUGU3DOOBZGAYTEMZU
END
show secondgate users import old.csv --config before/Caddyfile

step "Every night: a backup, sent elsewhere"
(umask 077 && head -c 18 /dev/urandom | base64 >passphrase)
show secondgate backup store.age --passphrase-file passphrase --config before/Caddyfile
show secondgate audit verify --config before/Caddyfile

step "The machine is lost; what is left is the backup, its passphrase, and the master key from the safe"
kill -9 $pid
wait $pid 2>/dev/null || true
pid=
rm -rf before

step "A new machine: the program, the Caddyfile, the key"
machine after
show install -m 0600 in-the-safe after/master.key
show secondgate restore store.age --passphrase-file passphrase --config after/Caddyfile
start after

step "It is ready, and knows everybody; its log says what happened"
show curl -s "http://127.0.0.1:$port/two-factor/health/ready"
echo
show secondgate users list --config after/Caddyfile
show secondgate audit verify --config after/Caddyfile
show secondgate keys list --config after/Caddyfile
step "And it can be backed up in turn"
show secondgate backup again.age --passphrase-file passphrase --config after/Caddyfile
kill $pid
wait $pid 2>/dev/null || true
pid=
