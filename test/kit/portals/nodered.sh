#!/bin/bash
# Node-RED from npm at http://127.0.0.1:18108/ with the users alice and redadmin (may
# do all) and bob (may read). Sign-in gives a bearer token; nothing sets a cookie.
. "$(dirname "$0")/lib.sh"
port=18108
version=4.1.8
app=$dir/app-$version
data=$dir/data

install() {
  # Another Node.js than Debian's does as well.
  command -v npm >/dev/null || need nodejs npm
  [ -e "$app/done" ] || {
    rm -rf "$dir"/app-*
    mkdir -p "$app"
    npm install --prefix "$app" --no-save --no-package-lock --ignore-scripts --no-audit --no-fund "node-red@$version" >"$dir/npm.log" 2>&1 ||
      { tail -20 "$dir/npm.log" >&2; die "could not install node-red@$version"; }
    touch "$app/done"
  }
}

up() {
  install
  mkdir -p "$data"
  configure
  # Every start begins without flows, settings and sessions: tests leave theirs.
  rm -f "$data"/flows*.json "$data"/.flows* "$data"/.sessions.json* "$data"/.config.users.json*
  chown -R www-data:www-data "$data"
  if ! alive "$dir/run/node.pid" node-red; then
    ! port_open $port 2>/dev/null || die "port $port is taken by another program"
    (cd "$data" && HOME=$data exec setsid setpriv --reuid=www-data --regid=www-data --clear-groups \
      node --max-old-space-size=256 "$app/node_modules/node-red/red.js" --userDir "$data" --settings "$data/settings.js") \
      >>"$dir/node.log" 2>&1 </dev/null &
    echo $! >"$dir/run/node.pid"
  fi
  wait_for "Node-RED on port $port" curl -fsS -o /dev/null http://127.0.0.1:$port/auth/login
  log "up at http://127.0.0.1:$port/"
}

configure() {
  cat >"$data/settings.new" <<CONF
module.exports = {
  uiPort: $port, uiHost: "127.0.0.1", flowFile: "flows.json", credentialSecret: "portal-test",
  editorTheme: { tours: false }, telemetry: { enabled: false, updateNotification: false },
  adminAuth: { type: "credentials", sessionExpiryTime: 86400, users: [
    { username: "alice", password: "$(hash "$alice_pw")", permissions: "*" },
    { username: "bob", password: "$(hash "$bob_pw")", permissions: "read" },
    { username: "redadmin", password: "$(hash "$admin_pw")", permissions: "*" } ] },
  functionGlobalContext: {}, externalModules: { palette: { allowInstall: false } },
  logging: { console: { level: "info", metrics: false, audit: false } }
};
CONF
  mv "$data/settings.new" "$data/settings.js"
}

hash() { (cd "$app" && PW=$1 node -e 'console.log(require("bcryptjs").hashSync(process.env.PW, 8))'); }

down() { stop "$dir/run/node.pid" node-red; }

main "$@"
