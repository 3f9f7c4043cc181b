<?php
// A legacy portal on PHP's own sessions, run by php_test.go under php -S: every habit
// that makes portals hard to guard, chosen by the query.
//
//   id=stays (default)  the sign-in keeps the session's id
//   id=changes          a new id; the old session is deleted
//   id=lives            a new id; the old session stays signed in
//   200=1               the sign-in answers 200, not 302
//
// The user's mark is in header, redirect target and body of everything that only the
// user may see.
session_name('app_sess');
session_start();
$path = explode('.php', parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH))[0];
$store = session_save_path();

$signIn = function (string $user): void {
    $_SESSION['user'] = $user;
    if (($_GET['id'] ?? '') !== '') {
        session_regenerate_id($_GET['id'] === 'changes');
    }
};
$find = fn (string $kind, string $token): string =>
    preg_match('/^[a-z0-9]{8,64}$/', $token) && is_file("$store/$kind-$token") ? file_get_contents("$store/$kind-$token") : '';

// Remembered browsers are signed in wherever they arrive.
if (($_SESSION['user'] ?? '') === '' && isset($_COOKIE['remember'])) {
    $user = $find('remember', $_COOKIE['remember']);
    if ($user !== '') {
        $signIn($user);
    }
}
$before = $_SESSION['user'] ?? '';
$acted = true;
if ($path === '/in') {
    $in = $_REQUEST;
    if (str_contains($_SERVER['CONTENT_TYPE'] ?? '', 'json')) {
        $in = json_decode(file_get_contents('php://input'), true) ?? [];
    }
    $user = is_array($in['user'] ?? '') ? reset($in['user']) : ($in['user'] ?? '');
    if ($user !== '' && ($in['password'] ?? '') === "pw-$user") {
        $signIn($user);
        if (isset($in['remember'])) {
            $token = bin2hex(random_bytes(8));
            file_put_contents("$store/remember-$token", $user);
            setcookie('remember', $token, time() + 86400);
        }
    }
} elseif ($path === '/basic' && ($_SERVER['PHP_AUTH_PW'] ?? '-') === 'pw-' . ($_SERVER['PHP_AUTH_USER'] ?? '')) {
    $signIn($_SERVER['PHP_AUTH_USER']);
} elseif ($path === '/magic' || $path === '/reset') {
    $user = $find('magic', $_REQUEST['t'] ?? '');
    if ($user !== '') {
        $signIn($user);
    }
} elseif ($path === '/as') { // "log in as", for customers with several accounts
    if ($before !== '') {
        $signIn($_REQUEST['u'] ?? '');
    }
} else {
    $acted = false;
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
if ($acted && $user !== '' && !isset($_GET['200'])) {
    header("Location: /page?$mark", true, 302);
}
echo $mark;
