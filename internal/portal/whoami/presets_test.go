package whoami_test

import (
	"testing"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// pmaForm is phpMyAdmin's page for strangers, cut down, with an error in it and with the
// fields of the form that say how many servers there are.
func pmaForm(alert, fields, more string) string {
	return `<html><head><script>CommonParams.setAll({server:"1",token:"x",logged_in:false,is_https:false,auth_type:"cookie",user:"root"});</script></head>
<body id="loginform"><div class="container"><div class="row"><div class="col-12"><noscript><div class="alert alert-danger">Javascript</div></noscript>
<div class="hide" id="js-https-mismatch"><div class="alert alert-danger">mismatch # MySQL</div></div>` + alert + `
<form method="post" id="login_form" action="index.php?route=/">` + fields + `<input type="text" name="pma_username"></form>` + more + `</div></div></div></body></html>`
}

// pmaPage is one for users.
func pmaPage(name, nav string) string {
	return `<html><head><script>var x = 1;</script><script>CommonParams.setAll({common_query:"",db:"",token:"x",logged_in:true,is_https:false,auth_type:"cookie",user:"` +
		name + `"});
var y = 2;</script></head><body>` + nav + `<form id="change_password_form"></form></body></html>`
}

const pmaOne = `<input type="hidden" name="server" value="1">`

// presetPages are what the portals answered when they were tried, or what their sources
// say that they answer, cut down to what matters. A user is written as his id.
var presetPages = map[string][]struct {
	name string
	res  whoami.Response
	want string
}{
	"phpmyadmin": {
		{"stranger", response(200, pmaForm("", pmaOne, "")), "anonymous"},
		{"idle", response(200, pmaForm(`<div class="alert alert-danger">You have been automatically logged out due to inactivity of 1440 seconds.</div>`, pmaOne, "")), "anonymous"},
		{"refused", response(200, pmaForm(`<div class="alert alert-danger">Cannot log in to the MySQL server</div>`, pmaOne, "")), "unknown"},
		{"refused with a number", response(200, pmaForm(`<div class="alert alert-danger">#1203 - too many</div>`, pmaOne, "")), "unknown"},
		{"refused in PHP's words", response(200, pmaForm("", pmaOne, `<div id="pma_errors">x</div>`)), "unknown"},
		{"several servers", response(200, pmaForm("", `<select name="server" id="select_server"></select>`, "")), "unknown"},
		{"any server", response(200, pmaForm("", `<input name="pma_servername">`+pmaOne, "")), "unknown"},
		{"user", response(200, pmaPage("alice", "")), "alice"},
		{"odd user", response(200, pmaPage(`a\"b`, "")), `a\"b`},
		{"user of one of several servers", response(200, pmaPage("alice", `<select id="select_server"></select>`)), "unknown"},
	},
	"mediawiki": {
		{"stranger", response(200, `{"batchcomplete":true,"query":{"userinfo":{"id":0,"name":"127.0.0.1","anon":true}}}`), "anonymous"},
		{"user", response(200, `{"batchcomplete":true,"query":{"userinfo":{"id":2,"name":"Alice","email":"a@example.org"}}}`), "2"},
		{"nobody without the sign", response(200, `{"query":{"userinfo":{"id":0,"name":"127.0.0.1"}}}`), "unknown"},
		{"error", response(200, `{"error":{"code":"readonly"}}`), "unknown"},
	},
	"redmine": {
		{"stranger", response(302, "", "Location: http://projects.example.com/"), "anonymous"},
		{"ran out", response(302, "", "Location: http://projects.example.com/login?back_url=x"), "anonymous"},
		{"must change the password", response(302, "", "Location: http://projects.example.com/my/password"), "unknown"},
		{"user", response(200, `<div id="top-menu"><div id="loggedas">Logged in as <a class="user active" href="/users/5">alice</a></div></div>`), "5"},
		{"failing", response(500, `<div id="loggedas"><a href="/users/5">alice</a></div>`), "unknown"},
	},
	"roundcube": {
		{"stranger", response(200, `<form id="login-form" name="login-form"><input name="_user"></form>`), "anonymous"},
		{"user", response(200, `<script>rcmail.set_env({"task":"settings","standard_windows":false,"user_id":"PRGwhevvfGs5m4zb","compose_extwin":false});</script><span class="username">a@example.org</span>`), "PRGwhevvfGs5m4zb"},
		{"broken", response(200, `<h1>Service currently not available</h1>`), "unknown"},
	},
	"nextcloud": {
		{"stranger", response(401, `{"ocs":{"meta":{"status":"failure","statuscode":997,"message":"Current user is not logged in"},"data":[]}}`), "anonymous"},
		{"user", response(200, `{"ocs":{"meta":{"status":"ok","statuscode":100,"message":"OK"},"data":{"id":"alice","display-name":"Bob","email":"b@example.org"}}}`), "alice"},
		{"its own second factor", response(303, "", "Location: /login/challenge"), "unknown"},
		{"maintenance", response(503, `{"ocs":{"meta":{"statuscode":503}}}`), "unknown"},
	},
	"blesta": {
		{"stranger", response(302, "", "Location: /client/login/"), "anonymous"},
		{"user", response(200, `<form><input type="text" name="username" value="Alice@example.org" disabled><input name="email" value="b@example.org"></form>`), "alice@example.org"},
		{"may not see the page", response(200, `<div class="alert">Unauthorized</div>`), "unknown"},
	},
	"whmcs": {
		{"stranger", response(302, "", "Location: /index.php?rp=/login"), "anonymous"},
		{"user", response(200, `<input id="inputFirstName" value="Al"><input type="email" name="email" id="inputEmail" value="Alice@example.org">`), "alice@example.org"},
		{"sign-in form", response(200, `<input type="email" name="username" id="inputEmail" placeholder="name@example.com">`), "unknown"},
	},
}

func TestPresets(t *testing.T) {
	for preset, rows := range presetPages {
		p, ok := config.FindPreset(preset)
		if !ok {
			t.Fatalf("there is no preset %s", preset)
		}
		q := compile(t, p.Site.Whoami[0])
		for _, r := range rows {
			v := q.Judge(r.res)
			got := map[whoami.Kind]string{whoami.Unknown: "unknown", whoami.Anonymous: "anonymous", whoami.User: v.User}[v.Kind]
			if got != r.want {
				t.Errorf("%s, %s: %s (%s), want %s", preset, r.name, got, v.Why, r.want)
			}
		}
	}
}
