package edge

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/test/house"
)

// TestAttack_FailureTurnedIntoStranger: a handler behind the gate turns the portal's failure
// into what strangers get: whoever makes whoami fail is a stranger.
func TestAttack_FailureTurnedIntoStranger(t *testing.T) {
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _ := r.Cookie("SESS")
		switch {
		case r.URL.Path == "/login":
			w.Header().Set("Set-Cookie", "SESS=S-alice; Path=/")
			fmt.Fprint(w, "in")
		case r.URL.Path == "/me" && r.Header.Get("Accept-Language") == "broken":
			w.WriteHeader(500)
		case r.URL.Path == "/me" && c == nil:
			http.Redirect(w, r, "/login", http.StatusFound)
		case r.URL.Path == "/me":
			fmt.Fprint(w, `{"user":"alice"}`)
		case c != nil:
			fmt.Fprint(w, "secret of alice")
		}
	})
	gates := strings.Replace(always, "anonymous status 401", "anonymous redirect */login*", 1)
	for name, site := range map[string]string{
		"plain":           gates + "reverse_proxy PORTAL",
		"handle_response": gates + "reverse_proxy PORTAL {\n@down status 5xx\nhandle_response @down {\nredir * /login?down 302\n}\n}",
		"intercept":       gates + "intercept {\n@down status 5xx\nhandle_response @down {\nredir * /login?down 302\n}\n}\nreverse_proxy PORTAL",
		"replace_status":  strings.Replace(gates, "anonymous redirect */login*", "anonymous status 401", 1) + "intercept {\n@down status 5xx\nreplace_status @down 401\n}\nreverse_proxy PORTAL",
	} {
		t.Run(name, func(t *testing.T) {
			h := house.StartSite(t, portal, site)
			b := h.Browser()
			b.Header.Set("Accept-Language", "broken")
			b.Get("/login")
			p := b.Get("/account")
			if strings.Contains(p.Body, "secret of alice") && !strings.Contains(h.LogText(), `"settings"`) {
				t.Errorf("without a code or a warning: %d %s", p.Status, p.Body)
			} else {
				t.Logf("%d %.80s", p.Status, p.Body)
			}
		})
	}
}

// TestAttack_RewriteMakesCredential: a rewrite behind the gate makes a declared parameter, or a
// session's, of a part of the address that no question has.
func TestAttack_RewriteMakesCredential(t *testing.T) {
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		user := ""
		if q.Get("access_token") == "T-alice" || q.Get("PHPSESSID") == "S-alice" {
			user = "alice"
		}
		switch {
		case r.URL.Path == "/me" && user == "":
			w.WriteHeader(401)
		case r.URL.Path == "/me":
			fmt.Fprint(w, `{"user":"alice"}`)
		case user != "":
			fmt.Fprint(w, "secret of alice")
		default:
			fmt.Fprint(w, "nobody")
		}
	})
	gates := strings.Replace(always, "settle", "credential query access_token\nsettle", 1)
	for name, tt := range map[string]struct{ site, path string }{
		"plain":         {gates + "reverse_proxy PORTAL", "/view?access_token=T-alice"},
		"plain session": {gates + "reverse_proxy PORTAL", "/view?PHPSESSID=S-alice"},
		"path":          {"route {\n" + gates + "rewrite /share/* /view?access_token={path.1}\nreverse_proxy PORTAL\n}", "/share/T-alice"},
		"query":         {"route {\n" + gates + "rewrite /share /view?access_token={query.t}\nreverse_proxy PORTAL\n}", "/share?t=T-alice"},
		"uri query":     {"route {\n" + gates + "uri query t>access_token\nreverse_proxy PORTAL\n}", "/view?t=T-alice"},
		"added":         {"route {\n" + gates + "uri query +access_token {query.t}\nreverse_proxy PORTAL\n}", "/view?t=T-alice"},
		"of the proxy":  {gates + "reverse_proxy PORTAL {\nrewrite {path}?access_token={query.t}\n}", "/view?t=T-alice"},
		"session":       {"route {\n" + gates + "uri query s>PHPSESSID\nreverse_proxy PORTAL\n}", "/view?s=S-alice"},
		"capture":       {"route {\n" + gates + "@s path_regexp s ^/s/(\\w[\\w-]*)$\nrewrite @s /view?access_token={re.s.1}\nreverse_proxy PORTAL\n}", "/s/T-alice"},
	} {
		t.Run(name, func(t *testing.T) {
			h := house.StartWhole(t, portal, "{\n"+house.GlobalLines+"}\nhttp://127.0.0.1:PORT {\nbind 127.0.0.1\nrespond ok\n}\n")
			if err := h.TryWhole("{\n" + house.GlobalLines + "two_factor {\nstorage badger DIR\n}\n}\nhttp://127.0.0.1:PORT {\nbind 127.0.0.1\n" + tt.site + "\n}\n"); err != nil {
				t.Logf("refused: %v", err)
				return
			}
			p := h.Browser().Get(tt.path)
			if strings.Contains(p.Body, "secret of alice") && !strings.Contains(h.LogText(), `"settings"`) {
				t.Errorf("without a code or a warning: %d %s", p.Status, p.Body)
			} else {
				t.Logf("%d %.80s", p.Status, p.Body)
			}
		})
	}
}
