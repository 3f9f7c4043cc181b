package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/demoportal"
)

// views are the pages of one run; of those with forms every fourth is one that is sent.
const views = 20

// portal is what is known of a kind of portal.
type portal struct {
	name, url  string
	directives string
	// whoami are the addresses of its questions; of a question in two steps the first.
	whoami []string
	signIn string
	users  [2][2]string // name and password
	// stranger and customer are four pages each; the third has a form that can be sent.
	stranger, customer [4]string
	// strangerForm and customerForm select a form by one of its fields, and hold the values to
	// type in.
	strangerForm, customerForm form
}

type form struct {
	field  string
	values map[string]string
}

var people = [2][2]string{{"alice", "Correct-Horse-1"}, {"bob", "Battery-Staple-2"}}

// Both binaries have to take these directives.
var portals = []portal{
	{
		name: "demo",
		directives: `whoami /account {
			anonymous redirect */login*
			user html "#account-id" value
			name html "#account-name" value
		}
		sign_in /login /api/login {
			page /login
			username login
			password password
		}
		sign_out /logout`,
		whoami: []string{"/account"}, signIn: "/login",
		stranger: [4]string{"/", "/login", "/login", "/"}, strangerForm: form{"password", map[string]string{"login": "nobody", "password": "wrong"}},
		customer: [4]string{"/", "/invoices", "/account/settings", "/account/transfer"}, customerForm: form{"newsletter", nil},
	},
	{
		name: "wordpress", directives: "portal wordpress",
		whoami: []string{"/wp-admin/admin-ajax.php?action=rest-nonce"}, signIn: "/wp-login.php",
		stranger: [4]string{"/", "/sample-page/", "/?s=zzqq", "/author/wpadmin/"}, strangerForm: form{"s", map[string]string{"s": "hello"}},
		customer: [4]string{"/wp-admin/", "/", "/wp-admin/profile.php", "/sample-page/"}, customerForm: form{"nickname", nil},
	},
	{
		name: "dokuwiki", directives: "portal dokuwiki",
		whoami: []string{"/doku.php?id=start&do=profile"}, signIn: "/doku.php?id=start&do=login",
		stranger: [4]string{"/doku.php?id=start", "/doku.php?id=wiki:dokuwiki", "/doku.php?id=wiki:welcome", "/doku.php?id=start&do=index"}, strangerForm: form{"q", map[string]string{"q": "wiki", "do": "search"}},
		customer: [4]string{"/doku.php?id=start", "/doku.php?id=wiki:dokuwiki", "/doku.php?id=wiki:welcome", "/doku.php?id=start&do=index"}, customerForm: form{"q", map[string]string{"q": "wiki", "do": "search"}},
	},
	{
		name: "redmine", directives: "portal redmine",
		whoami: []string{"/logout"}, signIn: "/login",
		stranger: [4]string{"/", "/login", "/account/lost_password", "/projects"}, strangerForm: form{"mail", map[string]string{"mail": "nobody@example.test"}},
		customer: [4]string{"/my/page", "/projects", "/my/account", "/issues"}, customerForm: form{"user[firstname]", nil},
	},
}

func names() string {
	var all []string
	for _, p := range portals {
		all = append(all, p.name)
	}
	return strings.Join(all, ", ")
}

// find returns the portal of that name and a function that stops it. It starts the portal if that
// has no URL.
func find(name, url string) (*portal, func(), error) {
	i := slices.IndexFunc(portals, func(p portal) bool { return p.name == name })
	if i < 0 {
		return nil, nil, fmt.Errorf("no portal %q; there are %s", name, names())
	}
	p := portals[i]
	p.users, p.url = people, strings.TrimSuffix(url, "/")
	if p.url != "" {
		return &p, func() {}, nil
	}
	switch name {
	case "demo":
		ctx, stop := context.WithCancel(context.Background())
		s, err := demoportal.Start(ctx, "127.0.0.1:0")
		if err != nil {
			stop()
			return nil, nil, err
		}
		p.url = s.URL
		return &p, stop, nil
	case "wordpress", "dokuwiki":
		p.url = map[string]string{"wordpress": "http://127.0.0.1:18101", "dokuwiki": "http://127.0.0.1:18104"}[name]
		script := "test/kit/portals/" + name + ".sh"
		if out, err := exec.Command(script, "up").CombinedOutput(); err != nil {
			return nil, nil, fmt.Errorf("starting %s: %w\n%s", name, err, out)
		}
		return &p, func() { _ = exec.Command(script, "down").Run() }, nil
	}
	return nil, nil, fmt.Errorf("%s has to run already: give its address, %s=http://127.0.0.1:…", name, name)
}
