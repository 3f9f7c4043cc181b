<?php
// A portal with PHP's own sessions and their locks. Run by gate_php_test.go under
// php -S; HOOK is where it tells that it has come so far, and waits for the answer.
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$hook = function (string $at): void {
    if (isset($_GET['hook'])) {
        file_get_contents(getenv('HOOK') . '/' . $at . '?' . urlencode($_GET['hook']));
    }
};
$hook('before'); // no lock yet
session_start();
$hook('locked');
if ($path === '/in' && ($_POST['password'] ?? $_GET['password'] ?? '') !== '') {
    if (isset($_GET['rotate'])) {
        session_regenerate_id(isset($_GET['delete']));
    }
    $_SESSION['user'] = $_POST['user'] ?? $_GET['user'];
}
$user = $_SESSION['user'] ?? '';
if ($path === '/me') {
    header('Content-Type: application/json');
    if ($user === '') {
        http_response_code(401);
    }
    echo json_encode($user === '' ? ['error' => 'sign in'] : ['user' => $user]);
    return;
}
$mark = $user === '' ? 'nobody' : "SECRET-$user";
header("X-User: $mark");
if (isset($_GET['redirect'])) {
    header("Location: /welcome?$mark", true, 302);
}
echo $mark;
if (isset($_GET['big'])) {
    // More than sockets take: the script, and with it the lock, waits for the reader.
    for ($i = 0; $i < 1024; $i++) {
        echo str_repeat('x', 16384);
    }
}
$hook('shown');
