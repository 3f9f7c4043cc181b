<?php
// A portal with PHP's own sessions: every request holds its session's lock to its end.
// What began and ended when is a line in LOG each.
function note($what) { file_put_contents(getenv('LOG'), $what . "\n", FILE_APPEND | LOCK_EX); }
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/up') { echo 'up'; return; }
session_start();
note("begin $path");
register_shutdown_function(function () use ($path) { note("end $path"); });
switch ($path) {
case '/login':
    if (($_POST['password'] ?? '') === 'pw') { $_SESSION['user'] = $_POST['user']; }
    header('Location: /home');
    http_response_code(302);
    break;
case '/slow':
    usleep(1000 * (int)$_GET['ms']);
    echo 'slow ' . ($_SESSION['user'] ?? '');
    break;
case '/me':
    if (isset($_SESSION['user'])) { header('Content-Type: application/json'); echo json_encode(['user' => $_SESSION['user']]); break; }
    http_response_code(401);
    break;
default:
    echo 'home ' . ($_SESSION['user'] ?? '');
}
