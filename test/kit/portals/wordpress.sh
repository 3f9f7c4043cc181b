#!/bin/bash
# WordPress from Debian's packages at http://127.0.0.1:18101/ on a MariaDB of its own,
# with the users alice and bob (subscribers) and wpadmin (administrator). It takes its
# own address from the request, as behind a proxy. Application passwords are on.
. "$(dirname "$0")/lib.sh"
port=18101
mariadb_port=13306
# WordPress as Debian packages it reads its settings from nowhere else.
config=/etc/wordpress/config-secondgate-test.php

install() {
  need nginx-light php-fpm php-cli php-mysql php-curl php-gd php-xml php-mbstring php-intl php-zip \
    mariadb-server mariadb-client wordpress wordpress-theme-twentytwentyone
}

up() {
  install
  mariadb_up "CREATE DATABASE IF NOT EXISTS wordpress;
    CREATE USER IF NOT EXISTS wordpress@'127.0.0.1' IDENTIFIED BY 'wordpress';
    CREATE USER IF NOT EXISTS wordpress@localhost IDENTIFIED BY 'wordpress';
    GRANT ALL ON wordpress.* TO wordpress@'127.0.0.1'; GRANT ALL ON wordpress.* TO wordpress@localhost;"
  [ -d "$dir/content" ] || { cp -aL /var/lib/wordpress/wp-content "$dir/content.new"; mv "$dir/content.new" "$dir/content"; }
  chown -R www-data:www-data "$dir/content"
  configure
  [ -e "$dir/installed" ] || { install_site >"$dir/install.log" 2>&1 && touch "$dir/installed"; } ||
    { tail "$dir/install.log" >&2; die "WordPress could not be set up"; }
  fpm_up "env[WORDPRESS_CONFIG] = secondgate-test"
  nginx_up $port <<CONF
    root /usr/share/wordpress;
    index index.php;
    location /wp-content/ { alias $dir/content/; }
    location / { try_files \$uri \$uri/ /index.php?\$args; }
    location ~ \.php\$ { $(php_location) fastcgi_param WORDPRESS_CONFIG secondgate-test; }
CONF
  log "up at http://127.0.0.1:$port/"
}

configure() {
  local key
  [ -s "$dir/salts" ] || for key in {AUTH,SECURE_AUTH,LOGGED_IN,NONCE}_{KEY,SALT}; do
    echo "define('$key', '$(head -c 48 /dev/urandom | base64 | tr -d '\n')');"
  done >"$dir/salts"
  (
    umask 027
    cat >$config <<CONF
<?php
define('DB_NAME', 'wordpress'); define('DB_USER', 'wordpress'); define('DB_PASSWORD', 'wordpress');
define('DB_HOST', '127.0.0.1:$mariadb_port');
$(cat "$dir/salts")
define('WP_CONTENT_DIR', '$dir/content'); define('DISABLE_WP_CRON', true);
define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISALLOW_FILE_MODS', true);
// Application passwords want https or a local site.
define('WP_ENVIRONMENT_TYPE', 'local');
if ((\$_SERVER['HTTP_X_FORWARDED_PROTO'] ?? '') === 'https') \$_SERVER['HTTPS'] = 'on';
\$own = (empty(\$_SERVER['HTTPS']) ? 'http' : 'https') . '://' . (\$_SERVER['HTTP_HOST'] ?? '127.0.0.1:$port');
define('WP_HOME', \$own); define('WP_SITEURL', \$own);
CONF
  )
  chgrp www-data $config
}

install_site() {
  cat >"$dir/install.php" <<'PHP'
<?php
$_SERVER['HTTP_HOST'] = '127.0.0.1:18101'; $_SERVER['REQUEST_URI'] = '/'; $_SERVER['SERVER_PROTOCOL'] = 'HTTP/1.0';
$_SERVER['WORDPRESS_CONFIG'] = 'secondgate-test';
define('WP_INSTALLING', true);
require '/usr/share/wordpress/wp-load.php';
require ABSPATH . 'wp-admin/includes/upgrade.php';
add_filter('pre_wp_mail', '__return_true');
if (!is_blog_installed()) wp_install('Portal test bed', 'wpadmin', 'wpadmin@example.test', false, '', getenv('ADMIN_PW'));
foreach (['alice' => getenv('ALICE_PW'), 'bob' => getenv('BOB_PW')] as $user => $password) {
  if (username_exists($user)) continue;
  (new WP_User(wp_create_user($user, $password, "$user@example.test")))->set_role('subscriber');
}
update_option('permalink_structure', '/%year%/%monthnum%/%postname%/');
update_option('template', 'twentytwentyone'); update_option('stylesheet', 'twentytwentyone');
PHP
  ADMIN_PW=$admin_pw ALICE_PW=$alice_pw BOB_PW=$bob_pw php -d memory_limit=256M "$dir/install.php"
}

down() {
  web_down
  mariadb_down
  rm -f $config
}

main "$@"
