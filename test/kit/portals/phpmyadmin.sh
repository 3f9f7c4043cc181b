#!/bin/bash
# phpMyAdmin from Debian's packages at http://127.0.0.1:18103/ on a MariaDB of its own,
# with the accounts alice and bob (a database each) and dbadmin (all rights).
. "$(dirname "$0")/lib.sh"
port=18103
mariadb_port=13307
# phpMyAdmin as Debian packages it reads its settings from nowhere else.
config=/etc/phpmyadmin/conf.d/secondgate-test.php

install() { need nginx-light php-fpm php-mysql php-xml php-mbstring mariadb-server mariadb-client phpmyadmin; }

up() {
  install
  mariadb_up "CREATE DATABASE IF NOT EXISTS shop_alice; CREATE DATABASE IF NOT EXISTS shop_bob;
    $(account alice "$alice_pw" shop_alice.*) $(account bob "$bob_pw" shop_bob.*) $(account dbadmin "$admin_pw" '*.*')
    CREATE TABLE IF NOT EXISTS shop_alice.orders (id INT PRIMARY KEY, item VARCHAR(40));
    REPLACE INTO shop_alice.orders VALUES (1, 'teapot');"
  fpm_up "env[SECONDGATE_TEST] = 1"
  configure
  nginx_up $port <<CONF
    root /usr/share/phpmyadmin;
    index index.php;
    location ~ ^/(libraries|templates)/ { deny all; }
    location ~ \.php\$ { $(php_location) }
CONF
  log "up at http://127.0.0.1:$port/"
}

account() { # NAME PASSWORD WHAT
  local host
  for host in 127.0.0.1 localhost; do
    echo "CREATE USER IF NOT EXISTS '$1'@'$host' IDENTIFIED BY '$2'; GRANT ALL ON $3 TO '$1'@'$host';"
  done
}

configure() {
  cat >$config <<CONF
<?php
if (getenv('SECONDGATE_TEST')) {
  \$cfg['Servers'] = [1 => ['auth_type' => 'cookie', 'host' => '127.0.0.1', 'port' => '$mariadb_port', 'AllowNoPassword' => false]];
  \$cfg['TempDir'] = '$dir/tmp'; \$cfg['VersionCheck'] = false;
}
CONF
}

down() {
  web_down
  mariadb_down
  rm -f $config
}

main "$@"
