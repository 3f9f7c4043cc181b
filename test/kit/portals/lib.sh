# Shared by the portal scripts beside it; sourced, never run.
#
# Real portals from Debian's packages, for tests: everything listens on 127.0.0.1,
# all state lives below $SECONDGATE_PORTALS (default: a directory of this user's below
# the temporary one), services run without systemd and end only by their own pid
# files. Needs root: packages are installed, and workers run as www-data and mysql.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
umask 022
PATH=$PATH:/usr/sbin:/sbin
base=${SECONDGATE_PORTALS:-${TMPDIR:-/tmp}/secondgate-portals-$(id -u)}
name=$(basename "$0" .sh)
dir=$base/$name
# The same people in every portal. The passwords are public: loopback only.
alice_pw='Correct-Horse-1' bob_pw='Battery-Staple-2' admin_pw='Admin-Clip-3'

log() { echo "[$name] $*" >&2; }
die() { log "$*"; exit 1; }

# state: make the state directory. One that another system user has made is refused.
state() {
  [ "$(id -u)" = 0 ] || die "needs root: it installs packages and runs services as their own users"
  mkdir -p "$base"
  [ ! -L "$base" ] && [ -O "$base" ] || die "$base belongs to somebody else; set SECONDGATE_PORTALS to a directory of yours"
  mkdir -p "$dir/run"
}

# need PACKAGE...: install what is missing, starting no service.
need() {
  local p policy=/usr/sbin/policy-rc.d missing=() apt=(apt-get -o DPkg::Lock::Timeout=300 -y)
  for p; do dpkg-query -W -f='${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing+=("$p"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  log "installing ${missing[*]}"
  local ours=
  [ -e $policy ] || { ours=yes; printf '#!/bin/sh\nexit 101\n' >$policy; chmod 755 $policy; }
  debconf-set-selections <<'DEBCONF' || true
dokuwiki dokuwiki/system/configure-webserver multiselect
phpmyadmin phpmyadmin/dbconfig-install boolean false
phpmyadmin phpmyadmin/reconfigure-webserver multiselect
DEBCONF
  local failed=
  "${apt[@]}" --no-install-recommends install "${missing[@]}" >"$dir/apt.log" 2>&1 || {
    # Old package lists are the usual reason: refresh them and try once more.
    "${apt[@]}" update >>"$dir/apt.log" 2>&1 || true
    "${apt[@]}" --no-install-recommends install "${missing[@]}" >>"$dir/apt.log" 2>&1 || failed=yes
  }
  [ -z "$ours" ] || rm -f $policy
  [ -z "$failed" ] || { tail -20 "$dir/apt.log" >&2; die "could not install ${missing[*]}"; }
}

# alive PIDFILE PROGRAM: is it running, and still the program that we started?
alive() {
  [ -s "$1" ] && [ "$(cat "/proc/$(head -1 "$1")/comm" 2>/dev/null)" = "$(printf %.15s "$2")" ]
}

# stop PIDFILE PROGRAM: end it by its pid file, within 20 s or by SIGKILL.
stop() {
  local pid i
  alive "$1" "$2" || { rm -f "$1"; return 0; }
  pid=$(head -1 "$1")
  kill "$pid" 2>/dev/null || true
  for ((i = 0; i < 200; i++)); do
    kill -0 "$pid" 2>/dev/null || { rm -f "$1"; return 0; }
    sleep 0.1
  done
  kill -KILL "$pid" 2>/dev/null || true
  rm -f "$1"
}

# wait_for WHAT COMMAND...: try the command for 30 s.
wait_for() {
  local what=$1 i
  shift
  for ((i = 0; i < 300; i++)); do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
  die "$what did not come up; see the logs in $dir"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

# mariadb_up SQL: a MariaDB for this portal on $mariadb_port, prepared by these statements.
mariadb_up() {
  local mariadb=$dir/mariadb socket=$dir/mariadb/run/mysqld.sock
  mkdir -p "$mariadb/run"
  chown mysql:mysql "$mariadb" "$mariadb/run"
  if [ ! -e "$mariadb/made" ]; then
    rm -rf "$mariadb/data"
    mariadb-install-db --no-defaults --user=mysql --datadir="$mariadb/data" \
      --auth-root-authentication-method=socket --skip-test-db >"$dir/mariadb.log" 2>&1
    touch "$mariadb/made"
  fi
  if ! alive "$mariadb/run/mysqld.pid" mariadbd; then
    setsid mariadbd --no-defaults --user=mysql --datadir="$mariadb/data" --socket="$socket" \
      --pid-file="$mariadb/run/mysqld.pid" --bind-address=127.0.0.1 --port="$mariadb_port" \
      --innodb-buffer-pool-size=96M --performance-schema=OFF --character-set-server=utf8mb4 \
      >>"$dir/mariadb.log" 2>&1 </dev/null &
  fi
  wait_for MariaDB mariadb-admin --no-defaults -S "$socket" ping
  mariadb --no-defaults -S "$socket" -e "$1"
}

mariadb_down() { stop "$dir/mariadb/run/mysqld.pid" mariadbd; }

fpm_binary() { local all=(/usr/sbin/php-fpm8*); echo "${all[-1]}"; }

# fpm_up KEY=VALUE...: php-fpm for this portal, with these lines in its pool.
fpm_up() {
  mkdir -p "$dir/sessions" "$dir/tmp"
  chown www-data:www-data "$dir/sessions" "$dir/tmp"
  chmod 700 "$dir/sessions"
  cat >"$dir/fpm.conf" <<CONF
[global]
pid = $dir/run/fpm.pid
error_log = $dir/fpm.log
daemonize = yes
[$name]
user = www-data
group = www-data
listen = $dir/run/fpm.sock
listen.owner = www-data
listen.group = www-data
pm = ondemand
pm.max_children = 6
php_admin_value[session.save_path] = $dir/sessions
php_admin_value[sys_temp_dir] = $dir/tmp
php_admin_value[upload_tmp_dir] = $dir/tmp
$(printf '%s\n' "$@")
CONF
  local fpm
  fpm=$(fpm_binary)
  alive "$dir/run/fpm.pid" "$(basename "$fpm")" || "$fpm" --fpm-config "$dir/fpm.conf" >>"$dir/fpm.log" 2>&1 </dev/null
}

# nginx_up PORT: nginx for this portal; the server block's inside comes on stdin.
nginx_up() {
  mkdir -p "$dir/nginx"
  # Debian's parameters set HTTP_HOST to a host without port; the real one goes through.
  grep -v HTTP_HOST /etc/nginx/fastcgi_params >"$dir/fastcgi.conf"
  cat >"$dir/nginx.conf" <<CONF
user www-data;
worker_processes 1;
pid $dir/run/nginx.pid;
error_log $dir/nginx-error.log warn;
events { worker_connections 256; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log $dir/nginx-access.log combined;
  client_body_temp_path $dir/nginx/body;
  proxy_temp_path $dir/nginx/proxy;
  fastcgi_temp_path $dir/nginx/fastcgi;
  uwsgi_temp_path $dir/nginx/uwsgi;
  scgi_temp_path $dir/nginx/scgi;
  gzip on;
  gzip_proxied any;
  gzip_types text/css application/javascript application/json;
  server {
    listen 127.0.0.1:$1;
    server_name _;
$(cat)
  }
}
CONF
  if ! alive "$dir/run/nginx.pid" nginx; then
    ! port_open "$1" 2>/dev/null || die "port $1 is taken by another program"
    nginx -c "$dir/nginx.conf" >>"$dir/nginx-error.log" 2>&1 </dev/null
  fi
  wait_for "nginx on port $1" port_open "$1"
}

# php_location: what a location of nginx needs to run PHP.
php_location() {
  echo "include $dir/fastcgi.conf; fastcgi_param SCRIPT_FILENAME \$document_root\$fastcgi_script_name;" \
    "fastcgi_param HTTP_PROXY ''; fastcgi_pass unix:$dir/run/fpm.sock;"
}

web_down() {
  stop "$dir/run/nginx.pid" nginx
  local fpm
  fpm=$(fpm_binary)
  stop "$dir/run/fpm.pid" "$(basename "$fpm")"
}

main() {
  case ${1:-} in
    up | down | install) state; "$1" ;;
    *) echo "usage: $name.sh up|down|install" >&2; exit 2 ;;
  esac
}
