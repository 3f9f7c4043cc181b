package supportdesk

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// office is a portal and a support desk in one server.
type office struct {
	*harness.Harness
	t *testing.T
	// desk is the desk's address.
	desk string
}

// accounts are staff who sign in by password: "pw-" and the name.
const accounts = `basic_auth {
		anna $2a$04$J..zKrXukB8M3tiNFF32VuKqmwpc/2beuZ7Qz6AB.VjLsG8DEvoiK
		bert $2a$04$OArYS.QyZFTfsCyTu0A9Neczk1d/CuAwLGLJNcc.Q.zw0rdvfvami
		carl $2a$04$qr7XB2oYxWvpqq6ND6ftzuFO9IT.Vg4/JqC44F/fvlFn5weHRpzdi
	}`

const wholeCaddyfile = `{
%s	two_factor {
		storage memory DIR
	}
}
http://127.0.0.1:PORT {
	bind 127.0.0.1
	two_factor {
%s
	}
	reverse_proxy PORTAL
}
%s {
	bind 127.0.0.1
	%s
}
`

// open runs a portal with the usual description and a site of the desk with these lines.
func open(t *testing.T, site string) *office {
	t.Helper()
	o := &office{t: t, desk: "http://127.0.0.1:" + harness.FreePort(t)}
	o.Harness = harness.StartWhole(t, &harness.Legacy{}, o.caddyfile(site))
	return o
}

func (o *office) caddyfile(site string) string {
	return fmt.Sprintf(wholeCaddyfile, harness.GlobalLines, harness.LegacyLines, o.desk, site)
}

// usual is a desk at which anna may act and bert may look.
const usual = accounts + `
	two_factor_admin {
		act anna
		view bert
	}`

// staff is a browser of a member of staff at the desk; "" is a stranger's.
func (o *office) staff(name string) *harness.Browser {
	b := harness.NewBrowser(o.t, o.desk)
	if name != "" {
		b.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(name+":pw-"+name)))
	}
	return b
}

// customer signs in at the portal and turns two-factor authentication on.
func (o *office) customer(name string) (*harness.Browser, *harness.Device) {
	o.t.Helper()
	b := o.Browser()
	b.SignInAndGo(name)
	return b, b.Enrol()
}

// user is the address of a user's page.
func user(id string) string { return "/user?id=" + id + "&realm=default" }

// do sends the form of an act.
func do(b *harness.Browser, act, id, reason string) *harness.Page {
	return b.Post("/act", url.Values{"act": {act}, "realm": {"default"}, "id": {id}, "reason": {reason}, "life": {"24"}})
}

func want(t *testing.T, p *harness.Page, status int, parts ...string) {
	t.Helper()
	if p.Status != status {
		t.Fatalf("status %d, want %d: %q\n%.1500s", p.Status, status, p.Location, p.Body)
	}
	for _, part := range parts {
		if !strings.Contains(p.Body, part) {
			t.Errorf("the page lacks %q:\n%.3000s", part, p.Body)
		}
	}
}

// TestDesk_NobodyIsNobody: the desk requires a name from an authentication.
func TestDesk_NobodyIsNobody(t *testing.T) {
	o := open(t, "two_factor_admin {\n\t\tact *\n\t}")
	o.customer("alice")
	for _, path := range []string{"/", user("alice"), "/users.csv", "/act?act=reset&id=alice", "/recovery-code?id=alice", "/nothing"} {
		p := o.staff("anna").Get(path) // a password that nothing checked
		want(t, p, http.StatusForbidden, "two_factor_admin")
		if strings.Contains(p.Body, "alice") {
			t.Errorf("%s names a customer to nobody", path)
		}
	}
	want(t, do(o.staff(""), "reset", "alice", "because"), http.StatusForbidden)
	o.stillOn("alice")
	if !strings.Contains(o.LogText(), "no authentication before two_factor_admin") {
		t.Error("the log does not tell the operator")
	}
}

// stillOn reports an error where the customer's second factor is gone.
func (o *office) stillOn(name string) {
	o.t.Helper()
	if p := o.Browser().SignIn(name); p.Location != "/two-factor/challenge" {
		o.t.Errorf("%s signs in without a code: %d %s", name, p.Status, p.Location)
	}
}

func TestDesk_Staff(t *testing.T) {
	o := open(t, usual)
	alice, device := o.customer("alice")
	o.Browser().SignInAndGo("bob")
	want(t, o.staff("").Get("/"), http.StatusUnauthorized)
	anna := o.staff("anna")
	want(t, anna.Get("/"), http.StatusOK, "alice", "bob", "Activated", "Not activated", `Signed in as <b><bdi>anna</bdi></b>`)
	want(t, anna.Get("/?q=al"), http.StatusOK, "id=alice&amp;")
	if p := anna.Get("/?status=activated"); p.Status != http.StatusOK || strings.Contains(p.Body, "id=bob&amp;") || !strings.Contains(p.Body, "id=alice&amp;") {
		t.Errorf("filtered: %d", p.Status)
	}
	o.recorded("alice", "Two-factor authentication turned on")
	want(t, anna.Get(user("alice")), http.StatusOK, "Reset all factors", "End all sessions", "Issue a recovery code")
	want(t, anna.Get("/act?act=reset&realm=default&id=alice"), http.StatusOK, `name="reason"`, `value="reset"`)

	p := do(anna, "end", "alice", "ticket 7, called back")
	if p.Status != http.StatusSeeOther || p.Location != user("alice") {
		t.Fatalf("after the act: %d %s\n%s", p.Status, p.Location, p.Body)
	}
	want(t, anna.Get(p.Location), http.StatusOK, "ALICE was signed out everywhere. 1 browser had passed a code.")
	o.recorded("alice", "All sessions ended by staff", "ticket 7, called back", "<bdi>anna</bdi>")
	if got := alice.Get("/account"); strings.Contains(got.Body, harness.SecretOf("alice")) || strings.Contains(got.Location, "/two-factor") {
		t.Errorf("the ended session: %d %s; want what a stranger gets", got.Status, got.Location)
	}
	if got := alice.SignIn("alice"); got.Location != "/two-factor/challenge" {
		t.Errorf("signing in again: %d %s", got.Status, got.Location)
	}
	if got := alice.Pass(device.Code(t)); got.Status != http.StatusSeeOther {
		t.Errorf("the factor is gone: %d", got.Status)
	}

	want(t, do(anna, "reset", "alice", "phone lost, ticket 8"), http.StatusSeeOther)
	want(t, anna.Get(user("alice")), http.StatusOK, "All factors of ALICE were reset", "Not activated", "All factors of ALICE were reset, and every browser was signed out", "no second factor, and signs in with the password alone")
	o.recorded("alice", "All factors reset by staff", "phone lost, ticket 8")
	if got := o.Browser().SignIn("alice"); got.Location == "/two-factor/challenge" {
		t.Error("a code is asked for after the reset")
	}
	want(t, do(anna, "reset", "alice", "once more"), http.StatusSeeOther)
	want(t, anna.Get(user("alice")), http.StatusOK, "Nothing was changed")
}

// TestDesk_RecoveryCode: a customer who lost the phone calls the desk, gets a code, and gets in.
func TestDesk_RecoveryCode(t *testing.T) {
	o := open(t, usual)
	o.customer("alice")
	anna := o.staff("anna")
	p := do(anna, "recovery", "alice", "ticket 9, called back")
	want(t, p, http.StatusSeeOther)
	code := regexp.MustCompile(`id="recovery"[^>]*>([^<]+)<`).FindStringSubmatch(anna.Get(p.Location).Body)
	if code == nil {
		t.Fatal("no code is shown")
	}
	if anna.Get(p.Location).Body == "" || strings.Contains(anna.Get(p.Location).Body, code[1]) {
		t.Error("the code is shown twice")
	}
	alice := o.Browser()
	alice.SignIn("alice")
	if p := alice.Get("/account"); p.Location != "/two-factor/challenge" {
		t.Fatalf("before the code: %d %s", p.Status, p.Location)
	}
	want(t, alice.Pass(code[1]), http.StatusSeeOther)
	o.recorded("alice", "Recovery code issued by staff", "Recovery code used", "ticket 9, called back")
	again := o.Browser()
	again.SignIn("alice")
	if p := again.Pass(code[1]); p.Status == http.StatusSeeOther {
		t.Error("the recovery code works twice")
	}
	if strings.Contains(o.LogText(), code[1]) {
		t.Error("the log has the code")
	}
}

// recorded waits until the customer's history contains all parts. The audit log is written in the
// background.
func (o *office) recorded(id string, parts ...string) {
	o.t.Helper()
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		p := o.staff("anna").Get(user(id))
		missing := slices.DeleteFunc(slices.Clone(parts), func(part string) bool { return strings.Contains(p.Body, part) })
		if len(missing) == 0 {
			return
		}
		if time.Now().After(limit) {
			o.t.Fatalf("the history lacks %q:\n%.4000s", missing, p.Body)
		}
	}
}

// TestDesk_Roles: staff who may only look are refused each action, by hand-made forms too. Others
// are refused every page.
func TestDesk_Roles(t *testing.T) {
	o := open(t, usual)
	o.customer("alice")
	bert := o.staff("bert")
	want(t, bert.Get("/"), http.StatusOK, "alice", "may look only")
	p := bert.Get(user("alice"))
	want(t, p, http.StatusOK, "Your role lets you look only")
	if strings.Contains(p.Body, "/act?") {
		t.Error("acts are offered to who may look")
	}
	want(t, bert.Get("/users.csv"), http.StatusOK)
	for _, act := range []string{"reset", "unlock", "end", "recovery"} {
		want(t, bert.Get("/act?act="+act+"&realm=default&id=alice"), http.StatusForbidden)
		want(t, do(bert, act, "alice", "a good reason"), http.StatusForbidden, "Your role")
	}
	want(t, bert.Get("/recovery-code?realm=default&id=alice"), http.StatusForbidden)
	o.stillOn("alice")
	carl := o.staff("carl")
	for _, path := range []string{"/", user("alice"), "/users.csv"} {
		p := carl.Get(path)
		want(t, p, http.StatusForbidden, "not among those")
		if strings.Contains(p.Body, "alice") {
			t.Errorf("%s names a customer to who may not look", path)
		}
	}
	want(t, do(carl, "reset", "alice", "a good reason"), http.StatusForbidden)
	o.stillOn("alice")
}

// TestDesk_RolesByDefaultAndByMatcher: without `act` no staff member may act. Matchers can select
// staff, too.
func TestDesk_RolesByDefaultAndByMatcher(t *testing.T) {
	o := open(t, accounts+"\n\ttwo_factor_admin")
	o.customer("alice")
	want(t, o.staff("carl").Get("/"), http.StatusOK, "alice", "may look only")
	want(t, do(o.staff("anna"), "reset", "alice", "a good reason"), http.StatusForbidden)
	if !strings.Contains(o.LogText(), "two_factor_admin has no act") {
		t.Error("the log does not say that nobody may act")
	}
	if err := o.TryWhole(o.caddyfile("@senior header X-Office north\n\t" + accounts + "\n\ttwo_factor_admin {\n\t\tact @senior\n\t}")); err != nil {
		t.Fatal(err)
	}
	anna := o.staff("anna")
	want(t, do(anna, "end", "alice", "a good reason"), http.StatusForbidden)
	anna.Header.Set("X-Office", "north")
	want(t, do(anna, "end", "alice", "a good reason"), http.StatusSeeOther)
}

// TestDesk_ForeignForms: a form that another site makes a staff member's browser send changes
// nothing, nor does a GET.
func TestDesk_ForeignForms(t *testing.T) {
	o := open(t, usual)
	o.customer("alice")
	anna := o.staff("anna")
	for name, header := range map[string][2]string{
		"cross-site": {"Sec-Fetch-Site", "cross-site"}, "same site": {"Sec-Fetch-Site", "same-site"}, "typed": {"Sec-Fetch-Site", "none"},
	} {
		anna.Header.Set(header[0], header[1])
		p := do(anna, "reset", "alice", "a good reason")
		if p.Status != http.StatusForbidden {
			t.Errorf("%s: %d", name, p.Status)
		}
	}
	anna.Header.Del("Sec-Fetch-Site")
	r := anna.Request(http.MethodPost, "/act", strings.NewReader("act=reset&realm=default&id=alice&reason=because"))
	r.Header.Del("Sec-Fetch-Site")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	want(t, anna.Do(r), http.StatusForbidden)
	want(t, anna.Get("/act?act=reset&realm=default&id=alice&reason=because"), http.StatusOK)
	r = anna.Request(http.MethodPost, "/act", strings.NewReader(`{"act":"reset"}`))
	r.Header.Set("Content-Type", "application/json")
	want(t, anna.Do(r), http.StatusUnsupportedMediaType)
	o.stillOn("alice")
}

func TestDesk_BadInput(t *testing.T) {
	o := open(t, usual)
	o.customer("alice")
	anna := o.staff("anna")
	for name, c := range map[string]struct {
		page   *harness.Page
		status int
		part   string
	}{
		"no reason":           {do(anna, "reset", "alice", ""), 422, "Enter a reason"},
		"blank reason":        {do(anna, "reset", "alice", " \t  "), 422, "Enter a reason"},
		"long reason":         {do(anna, "reset", "alice", strings.Repeat("ä", 501)), 422, "500 characters"},
		"reason in two lines": {do(anna, "reset", "alice", "one\r\ntwo"), 422, "one line"},
		"unknown user":        {do(anna, "reset", "mallory", "a good reason"), 404, "no such customer"},
		"no user":             {do(anna, "reset", "", "a good reason"), 404, "no such customer"},
		"unknown act":         {do(anna, "delete", "alice", "a good reason"), 400, ""},
		"unknown realm":       {anna.Get("/?realm=elsewhere"), 404, "no such realm"},
		"unknown user's page": {anna.Get(user("mallory")), 404, "no such customer"},
		"unknown page":        {anna.Get("/users"), 404, ""},
		"unknown status":      {anna.Get("/?status=on"), 400, ""},
		"unknown order":       {anna.Get("/?sort=age"), 400, ""},
		"long search":         {anna.Get("/?q=" + strings.Repeat("a", 900)), 400, ""},
		"unknown export":      {anna.Get("/users.csv?status=on"), 400, ""},
		"act by PUT":          {anna.Fetch(http.MethodPut, "/act", "application/x-www-form-urlencoded", "act=reset"), 405, ""},
		"odd life": {anna.Post("/act", url.Values{"act": {"recovery"}, "realm": {"default"}, "id": {"alice"}, "reason": {"a good reason"},
			"life": {"100000"}}), 400, ""},
	} {
		if c.page.Status != c.status || !strings.Contains(c.page.Body, c.part) {
			t.Errorf("%s: %d, want %d with %q:\n%.1200s", name, c.page.Status, c.status, c.part, c.page.Body)
		}
	}
	o.stillOn("alice")
}

func TestDesk_Headers(t *testing.T) {
	o := open(t, usual)
	o.customer("alice")
	for _, path := range []string{"/", user("alice"), "/act?act=reset&realm=default&id=alice", "/nothing"} {
		h := o.staff("anna").Get(path).Header
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %q", path, csp)
		}
	}
}

// TestDesk_UnknownRealm: a desk for a realm without a site is an error at start.
func TestDesk_UnknownRealm(t *testing.T) {
	o := open(t, usual)
	err := o.TryWhole(o.caddyfile(accounts + "\n\ttwo_factor_admin {\n\t\trealm lagacy\n\t}"))
	if err == nil || !strings.Contains(err.Error(), `realm "lagacy"`) || !strings.Contains(err.Error(), "default") {
		t.Errorf("error %v", err)
	}
	want(t, o.staff("anna").Get("/"), http.StatusOK)
}
