#!/bin/bash
# DokuWiki from Debian's packages at http://127.0.0.1:18104/doku.php with the users
# alice, bob and wikiadmin; its XML-RPC is on.
. "$(dirname "$0")/lib.sh"
port=18104

install() { need nginx-light php-fpm php-cli php-xml php-mbstring php-gd dokuwiki; }

up() {
  install
  [ -d "$dir/conf" ] || { mkdir "$dir/conf.new"; cp -L /etc/dokuwiki/* "$dir/conf.new/" 2>/dev/null || true; mv "$dir/conf.new" "$dir/conf"; }
  [ -d "$dir/data" ] || cp -a /var/lib/dokuwiki/data "$dir/data"
  configure
  fpm_up "php_admin_value[auto_prepend_file] = $dir/prepend.php"
  nginx_up $port <<CONF
    root /usr/share/dokuwiki;
    index doku.php;
    location ~ ^/(data|conf|bin|inc|vendor)/ { deny all; }
    location / { try_files \$uri \$uri/ =404; }
    location ~ \.php\$ { $(php_location) }
CONF
  log "up at http://127.0.0.1:$port/doku.php"
}

configure() {
  cat >"$dir/conf/local.php" <<CONF
<?php
\$conf['title'] = 'Portal wiki'; \$conf['useacl'] = 1; \$conf['superuser'] = '@admin'; \$conf['savedir'] = '$dir/data';
\$conf['remote'] = 1; \$conf['remoteuser'] = '@user'; \$conf['updatecheck'] = 0; \$conf['passcrypt'] = 'bcrypt';
CONF
  printf '*\t@ALL\t1\n*\t@user\t8\n' >"$dir/conf/acl.auth.php"
  # The settings are looked for where this says, before anything else runs.
  echo "<?php define('DOKU_MAIN_CONF', '$dir/conf/'); define('DOKU_CONF', '$dir/conf/');" >"$dir/prepend.php"
  if [ ! -e "$dir/users.done" ]; then
    { user alice "$alice_pw" user; user bob "$bob_pw" user; user wikiadmin "$admin_pw" admin,user; } >"$dir/conf/users.auth.php"
    touch "$dir/users.done"
  fi
  chown -R www-data:www-data "$dir/conf" "$dir/data"
}

user() { # NAME PASSWORD GROUPS
  echo "$1:$(PW=$2 php -r 'echo password_hash(getenv("PW"), PASSWORD_BCRYPT);'):$1 Example:$1@example.test:$3"
}

down() { web_down; }

main "$@"
