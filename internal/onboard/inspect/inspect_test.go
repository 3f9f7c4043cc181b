package inspect

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// TestNamesByWhatNobodyChooses: the nick name is the user name of both customers and is shown at
// the place of a user name. Customers can change it, so inspect does not choose it.
func TestNamesByWhatNobodyChooses(t *testing.T) {
	r := study(t, &shop{}, alice, bob)
	w := r.Site.Whoami
	if len(w) != 1 || r.User != "4711" {
		t.Fatalf("user %q by %+v", r.User, w)
	}
	if len(w[0].Anonymous) != 1 || w[0].URI == "/account" && w[0].Anonymous[0].Redirect != "/login*" {
		t.Errorf("signs of nobody: %+v", w[0].Anonymous)
	}
	if s := r.Site.SignIn; len(s) != 1 || s[0].Username != "name" || s[0].Password != "pass" || !slices.Equal(s[0].Paths, []string{"/login"}) || s[0].Page != "/login" {
		t.Errorf("sign_in: %+v", s)
	}
	if !slices.Equal(r.Site.SignOut, []string{"/logout"}) {
		t.Errorf("sign_out: %v", r.Site.SignOut)
	}
	r.says(t, "A wrong password is answered with status 200 and the form again.", `however the name is written: "ALICE", " alice "`, "another for the second customer")
}

// TestChangesNothing: no link that does something was followed, and no form sent but
// the sign-in and the sign-out. No two wrong passwords came in a row.
func TestChangesNothing(t *testing.T) {
	s := &shop{}
	study(t, s, alice, bob)
	for _, asked := range s.asked {
		for _, bad := range []string{"delete", "/vm/", "cancel", "do=start", "token=", "everywhere", "POST /account"} {
			if strings.Contains(asked, bad) {
				t.Errorf("inspect sent %s", asked)
			}
		}
		if strings.HasPrefix(asked, "POST ") && asked != "POST /login" && asked != "POST /logout" {
			t.Errorf("inspect sent %s", asked)
		}
	}
	strict := &shop{strict: true}
	r := study(t, strict, alice, bob)
	r.says(t, `The portal does not take "ALICE" for "alice".`)
	if s.worst != 1 || strict.worst != 1 {
		t.Errorf("%d and %d wrong passwords in a row", s.worst, strict.worst)
	}
}

// TestNickNamesAreNobody: a value that customers can change never identifies a user, even if it
// equals the user name at first. Neither does a number that is the same for all customers.
func TestNickNamesAreNobody(t *testing.T) {
	t.Parallel()
	s := &shop{nameless: true, more: map[string]http.HandlerFunc{"/": html(`<a href="/login">Sign in</a>`)}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	sentence(t, server.URL, ErrNoUser, "can be edited")
	sentence(t, server.URL, ErrNoUser, "give a second", alice)
}

func TestRotatesNeedsProof(t *testing.T) {
	if r := study(t, &shop{}, alice, bob); r.Site.Rotates == nil || !*r.Site.Rotates {
		t.Error("new cookies at every sign-in, and old ones worth nothing: rotates was proven")
	}
	r := study(t, &shop{keepOld: true}, alice, bob)
	if r.Site.Rotates != nil {
		t.Error("the old session becomes signed in, and yet rotates")
	}
	r.says(t, "becomes signed in, so `rotates` does not hold")
	r = study(t, &shop{keepOther: true}, alice, bob)
	if r.Site.Rotates != nil {
		t.Error("the session of the customer before becomes the next one's, and yet rotates")
	}
	r.says(t, "Old cookies name the session of the user who signed in later")
	r = study(t, &shop{named: true}, alice)
	if r.User != "alice" || r.Site.Rotates != nil || len(r.Unlearned) < 2 {
		t.Errorf("rotates %v with one customer; not learned: %q", r.Site.Rotates, r.Unlearned)
	}
	r.says(t, "Not learned:", "Run inspect again with two.", "needs a second test customer")
}

func TestLeavesOnlyWhatSignsNobodyIn(t *testing.T) {
	r := study(t, &shop{}, alice, bob)
	if !slices.Equal(r.Site.Leave, []string{"cart_count"}) {
		t.Errorf("leave %v", r.Site.Leave)
	}
	r.says(t, "Cookies that sign in: sid.", "Scripts of the portal read the cookie sid, which signs in.")
}

// TestTypedNames: the page's only name is the one that the customer typed, so it is no proof of an
// id.
func TestTypedNames(t *testing.T) {
	t.Parallel()
	s := &shop{typed: true, more: map[string]http.HandlerFunc{
		"/":        func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<a href="/login">Sign in</a>`) },
		"/account": http.NotFound,
	}}
	r := study(t, s, alice, bob)
	if w := r.Site.Whoami[0]; w.URI != "/api/me" || w.User.JSON != "login" || !slices.Equal(w.Normalize, []string{"trim", "lower"}) || w.Anonymous[0].Status[0] != 401 {
		t.Errorf("%+v", w)
	}
	r.says(t, "The page shows the name as it was typed")
}

func TestPlaceholderIsNobody(t *testing.T) {
	t.Parallel()
	s := &shop{placeholder: true, more: map[string]http.HandlerFunc{
		"/":        func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<a href="/login">Sign in</a>`) },
		"/account": http.NotFound,
	}}
	r := study(t, s, alice, bob)
	w := r.Site.Whoami[0]
	if w.URI != "/api/me" || w.User.JSON != "user.id" || !slices.Equal(w.User.Not, []string{"0"}) {
		t.Fatalf("%+v %+v", w, w.User)
	}
	if w.Anonymous[0].JSON != "authenticated" || *w.Anonymous[0].Value != "false" {
		t.Errorf("sign %+v", w.Anonymous[0])
	}
}

// TestTwoScopes: with one of the two cookies missing, one page shows a stranger and another still
// shows the user, so both pages are asked.
func TestTwoScopes(t *testing.T) {
	s := &shop{scoped: true}
	s.more = map[string]http.HandlerFunc{"/account": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/my/account", http.StatusFound) }}
	r := study(t, s, alice, bob)
	uris := []string{}
	for _, w := range r.Site.Whoami {
		uris = append(uris, w.URI)
	}
	slices.Sort(uris)
	if !slices.Equal(uris, []string{"/", "/my/account"}) {
		t.Errorf("whoami %v", uris)
	}
	r.says(t, "Without the cookie key the other whoami recognises no user, but this page still does: both are asked.",
		"It needs a cookie that is sent to its own path only, so it recognises no user elsewhere: `apart`.")
}

// TestOneSessionForEachCustomer: a portal that ends a session when its customer signs
// in again, and one where looking around ends it, are learned like others.
func TestOneSessionForEachCustomer(t *testing.T) {
	r := study(t, &shop{single: true}, alice, bob)
	if r.User != "4711" || r.Site.Rotates == nil || !slices.Equal(r.Site.Leave, []string{"cart_count"}) {
		t.Errorf("%+v", r.Site)
	}
	r.says(t, "The portal keeps one session for each customer")
	if strings.Contains(r.Caddyfile, "ends the session at the portal") {
		t.Error("a cookie is blamed for it")
	}
}

func TestLookingAroundEndsTheSession(t *testing.T) {
	s := &shop{}
	s.more = map[string]http.HandlerFunc{
		"/profile": func(w http.ResponseWriter, r *http.Request) {
			for _, c := range r.CookiesNamed("sid") {
				delete(s.sessions, c.Value)
			}
		},
	}
	if r := study(t, s, alice, bob); r.User != "4711" {
		t.Errorf("%+v", r.Site)
	}
}

// TestNamedPage: a page that nothing links to is looked at where the operator names it.
func TestNamedPage(t *testing.T) {
	t.Parallel()
	s := &shop{}
	s.more = map[string]http.HandlerFunc{
		"/": html(`<a href="/login">Sign in</a>`), "/account": http.NotFound,
		"/intern/x": func(w http.ResponseWriter, r *http.Request) {
			v := s.visit(w, r)
			if v.number == "" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			html(`<b id="user-id">`+v.number+`</b>`)(w, r)
		},
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	sentence(t, server.URL, ErrNoUser, "--page")
	r, err := Inspect(t.Context(), Options{URL: server.URL, Customers: []browse.Account{alice, bob}, Pages: []string{"/intern/x"}})
	if err != nil || r.User != "4711" || r.Site.Whoami[0].URI != "/intern/x" || r.Site.Whoami[0].Anonymous[0].Status[0] != http.StatusForbidden {
		t.Errorf("%v: %+v", err, r)
	}
}

// TestForbidden: if strangers get 403, the text of the page is the mark of a stranger, because
// rate limiters also answer 403.
func TestForbidden(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]config.Sign{
		`{"detail":"Not signed in."}`:      {JSON: "detail", Value: new("Not signed in.")},
		`{"detail":"x","anonymous":true}`:  {JSON: "anonymous", Value: new("true")},
		`<a href="/login">Sign in</a>`:     {HTML: `a[href*="login"]`},
		`<p>You are not allowed here.</p>`: {Status: []int{403}},
	} {
		res := whoami.Response{Status: http.StatusForbidden, Header: http.Header{"Content-Type": {"text/html"}}, Body: []byte(body)}
		if body[0] == '{' {
			res.Header.Set("Content-Type", "application/json")
		}
		in := &inspection{entry: &browse.Entry{Form: new(browse.Form), Password: "pass"}}
		got := in.signs([]whoami.Response{res}, nil)
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

// TestLedElsewhere: the address given leads to another host, and the portal there is
// what is learned.
func TestLedElsewhere(t *testing.T) {
	portal := httptest.NewServer(&shop{})
	t.Cleanup(portal.Close)
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, portal.URL+r.URL.Path, http.StatusMovedPermanently)
	}))
	t.Cleanup(old.Close)
	r, err := Inspect(t.Context(), Options{URL: old.URL, Customers: []browse.Account{alice, bob}})
	if err != nil || r.User != "4711" {
		t.Fatal(err)
	}
	r.says(t, "The address given leads to "+portal.URL, "reverse_proxy "+strings.TrimPrefix(portal.URL, "http://"))
}

// TestAddresses: the address of the gateway and the address of the portal in the Caddyfile.
func TestAddresses(t *testing.T) {
	for base, c := range map[string]struct{ site, want string }{
		"http://127.0.0.1:9000":       {"", "http://127.0.0.1:8080 {\n\tbind 127.0.0.1\n\treverse_proxy 127.0.0.1:9000\n"},
		"http://127.0.0.1:9001":       {"portal.example.com", "portal.example.com {\n\treverse_proxy 127.0.0.1:9001\n"},
		"https://localhost:9443":      {"http://localhost:80", "http://localhost:80 {\n\tbind localhost\n\treverse_proxy https://localhost:9443\n"},
		"https://portal.example.com":  {"", "portal.example.com {\n\t# Put here the address at which only this machine reaches the portal.\n\treverse_proxy https://portal.example.com\n"},
		"http://portal.example.com:8": {"", "portal.example.com {\n\t# Put here the address at which only this machine reaches the portal.\n\treverse_proxy portal.example.com:8\n"},
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		in := &inspection{Options: Options{Site: c.site}, base: u}
		if got := in.siteAddress() + " {\n" + in.bind() + in.upstream(); got != c.want {
			t.Errorf("%s: %q, want %q", base, got, c.want)
		}
	}
}

func TestSideDoors(t *testing.T) {
	s := &shop{basic: true, query: true, address: true}
	s.more = map[string]http.HandlerFunc{
		"/xmlrpc.php": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "POST only", http.StatusMethodNotAllowed) },
		"/api/login":  func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "POST only", http.StatusMethodNotAllowed) },
		"/jsonrpc":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"/css.php":    asset("text/css", "a{}"),
		"/js.php":     func(w http.ResponseWriter, r *http.Request) { asset("text/javascript", r.Header.Get("Cookie"))(w, r) },
		"/furnished":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") },
		"/profile": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<link rel="stylesheet" href="/css.php?x=1"><script src="/js.php?x=1"></script>`)
		},
		"/soap.php":     http.NotFound,
		"/api/sessions": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") },
	}
	r := study(t, s, alice, bob)
	r.says(t, "by HTTP Basic", "signs in by GET", "takes the session of sid from the address")
	if got := paths(r.Site.Deny); !slices.Equal(got, []string{`["/xmlrpc.php"]`}) {
		t.Errorf("deny %v", got)
	}
	if got := paths(r.Site.Public); !slices.Equal(got, []string{`["/css.php"]`}) {
		t.Errorf("public %v", got)
	}
	if got := r.Site.SignIn[0].Paths; !slices.Equal(got, []string{"/login", "/api/login"}) {
		t.Errorf("sign_in %v", got)
	}
	closed := study(t, &shop{}, alice, bob)
	if strings.Contains(closed.Caddyfile, "Side door") || len(closed.Site.Deny) > 0 {
		t.Errorf("side doors where there are none:\n%s", closed.Caddyfile)
	}
}

func asset(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, body)
	}
}

func paths(sets []config.MatcherSet) (list []string) {
	for _, m := range sets {
		list = append(list, string(m["path"]))
	}
	return list
}
