package gatewayrules

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/caddyplugin/admin"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// askDesk asks the running configuration's admin API as a command does, and returns its
// status and answer.
func askDesk(t *testing.T, method, path string, body map[string]string) (status int, answer map[string]any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(string(raw)))
	r.Header.Set("Content-Type", "application/json")
	return sendDesk(t, r)
}

func sendDesk(t *testing.T, r *http.Request) (status int, answer map[string]any) {
	t.Helper()
	r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, privateSocket(t)))
	rec := httptest.NewRecorder()
	for _, route := range (admin.API{}).Routes() {
		if route.Pattern != r.URL.Path {
			continue
		}
		err := route.Handler.ServeHTTP(rec, r)
		var refused caddy.APIError
		if errors.As(err, &refused) {
			return refused.HTTPStatus, map[string]any{"error": refused.Err.Error()}
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
			t.Fatalf("%s: %s", err, rec.Body)
		}
		return rec.Code, answer
	}
	t.Fatalf("no route %s", r.URL.Path)
	return 0, nil
}

// privateSocket is the address of a Unix socket that only this user can open.
func privateSocket(t *testing.T) net.Addr {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "admin.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if err := os.Chmod(l.Addr().String(), 0o600); err != nil {
		t.Fatal(err)
	}
	return l.Addr()
}

func act(user string) map[string]string {
	return map[string]string{"user": user, "staff": "sinikka", "reason": "lost the phone"}
}

// TestStaffEndsSessions: sessions that staff end in the store end in the gateway's memory at once.
func TestStaffEndsSessions(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	if p := b.Get("/"); p.Status != http.StatusOK {
		t.Fatalf("cleared: %d", p.Status)
	}
	status, done := askDesk(t, http.MethodPost, "/two_factor/users/end-sessions", act("alice"))
	if status != http.StatusOK || done["sessions_ended"] != 1.0 {
		t.Fatalf("%d, %v", status, done)
	}
	if p := b.Get("/"); strings.Contains(p.Body, harness.SecretOf("alice")) || strings.Contains(p.Location, "/two-factor") {
		t.Errorf("afterwards: %d %s, want what a stranger gets", p.Status, p.Location)
	}
}

// TestStaffResets: a reset ends sessions at once, and the user is not asked for a code any more.
func TestStaffResets(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	b.Get("/")
	status, done := askDesk(t, http.MethodPost, "/two_factor/users/reset", act("alice"))
	if status != http.StatusOK || done["sessions_ended"] != 1.0 {
		t.Fatalf("%d, %v", status, done)
	}
	if p := b.Get("/two-factor/"); p.Status != http.StatusForbidden || !strings.Contains(p.Body, "You are not signed in") {
		t.Errorf("settings: %d\n%.500s", p.Status, p.Body)
	}
	defer clock.Move(session.EndMargin)()
	stranger := h.Browser()
	stranger.SignIn("alice")
	if p := stranger.Get("/"); p.Status != http.StatusOK || !strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Errorf("another browser: %d %s", p.Status, p.Location)
	}
}

// TestStaffRecoveryCode: a customer without phone and backup codes gets in with a code from staff,
// through the unchanged gate, and sets up a new authenticator.
func TestStaffRecoveryCode(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	status, done := askDesk(t, http.MethodPost, "/two_factor/users/recovery-code", act("alice"))
	code, _ := done["code"].(string)
	if status != http.StatusOK || len(code) != 19 {
		t.Fatalf("%d, %v", status, done)
	}
	if strings.Contains(h.LogText(), code) {
		t.Error("the log has the code")
	}
	lost := h.Browser()
	lost.SignIn("alice")
	if p := lost.Pass(code); p.Status != http.StatusSeeOther || p.Location != "/two-factor/" {
		t.Fatalf("the code: %d %s\n%.500s", p.Status, p.Location, p.Body)
	}
	if p := lost.Get("/two-factor/"); !strings.Contains(p.Body, "Set up your authenticator now") {
		t.Errorf("settings say nothing of a new authenticator: %.500s", p.Body)
	}
	if p := lost.Get("/"); p.Status != http.StatusOK || !strings.Contains(p.Body, harness.SecretOf("alice")) {
		t.Errorf("the portal: %d", p.Status)
	}
	again := h.Browser()
	again.SignIn("alice")
	if p := again.Pass(code); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("the code again: %d %s", p.Status, p.Location)
	}
	fresh := lost.Enrol()
	if p := b.Get("/"); strings.Contains(p.Body, harness.SecretOf("alice")) || strings.Contains(p.Location, "/two-factor") {
		t.Errorf("the old browser after the new authenticator: %d %s, want what a stranger gets", p.Status, p.Location)
	}
	defer clock.Move(session.EndMargin)()
	again.SignIn("alice") // until then it had given the password only, and was signed out, too
	again.SignIn("alice")
	if p := again.Pass(fresh.Code(t)); p.Status != http.StatusSeeOther {
		t.Errorf("the new authenticator's code: %d", p.Status)
	}
}

// TestAdminAPIRefuses: wrong requests get their status and a sentence, and change nothing.
// Requests that a browser could send for another site's page are among them.
func TestAdminAPIRefuses(t *testing.T) {
	h := harness.Start(t, &harness.Legacy{}, harness.LegacyLines)
	b := h.Browser()
	b.SignIn("alice")
	b.Enrol()
	id := url.QueryEscape("alice")
	for _, c := range []struct {
		method, path, kind, body string
		status                   int
		says                     string
	}{
		{"GET", "/two_factor/users/reset", "", "", 405, "want POST"},
		{"POST", "/two_factor/users", "application/json", "{}", 405, "want GET"},
		{"POST", "/two_factor/status", "application/json", "{}", 405, "want GET"},
		{"POST", "/two_factor/users/reset", "text/plain", `{"user":"alice","staff":"s","reason":"because"}`, 415, "application/json"},
		{"POST", "/two_factor/users/reset", "", `{"user":"alice","staff":"s","reason":"because"}`, 415, "application/json"},
		{"POST", "/two_factor/users/reset", "application/json", `user=alice`, 400, "reading the body"},
		{"POST", "/two_factor/users/reset", "application/json", `{"user":"alice","staff":"s","reason":"because","force":true}`, 400, "force"},
		{"POST", "/two_factor/users/reset", "application/json", `{"user":"alice","staff":"s","reason":"because"}{}`, 400, "further data after the JSON"},
		{"POST", "/two_factor/users/reset", "application/json", `{"user":"alice","staff":"s","reason":"because","life":"1h"}`, 400, "recovery codes only"},
		{"POST", "/two_factor/users/recovery-code", "application/json", `{"user":"alice","staff":"s","reason":"because","life":"0s"}`, 400, "is not a duration"},
		{"POST", "/two_factor/users/reset", "application/json", `{"user":"alice","staff":"s"}`, 400, "a reason is missing"},
		{"POST", "/two_factor/users/reset", "application/json", `{"user":"alice","reason":"because"}`, 400, "who acts is missing"},
		{"POST", "/two_factor/users/reset", "application/json", `{"user":"Alice","staff":"s","reason":"because"}`, 404, `no user "Alice"`},
		{"POST", "/two_factor/users/reset", "application/json", `{"user":"alice","realm":"x","staff":"s","reason":"because"}`, 404, `no realm "x"`},
		{"POST", "/two_factor/import?format=csv&staff=s&dryrun=true", "text/csv", "", 400, `unknown parameter "dryrun"`},
		{"POST", "/two_factor/import?format=csv&staff=s&dry_run=true&dry_run=false", "text/csv", "", 400, "given again"},
		{"POST", "/two_factor/export?format=csv&staff=s&reason=because&user=alice", "text/csv", "", 400, `unknown parameter "user"`},
		{"POST", "/two_factor/export?format=csv&staff=s%E2%80%AE&reason=because", "text/csv", "", 400, "on one line"},
		{"POST", "/two_factor/export?format=csv&staff=s&reason=because%E2%80%A8reset", "text/csv", "", 400, "on one line"},
		{"GET", "/two_factor/users?status=off", "", "", 400, "no status"},
		{"GET", "/two_factor/users?limit=0", "", "", 400, "limit"},
		{"GET", "/two_factor/users?limit=9999", "", "", 400, "1 to 1000"},
		{"GET", "/two_factor/users?descending=perhaps", "", "", 400, "neither true nor false"},
		{"GET", "/two_factor/users?order=name", "", "", 400, `unknown parameter "order"`},
		{"GET", "/two_factor/users?after=xx", "", "", 400, "does not belong to this listing"},
		{"GET", "/two_factor/users/show?id=bob", "", "", 404, `no user "bob"`},
		{"GET", "/two_factor/users/show", "", "", 400, "either id"},
		{"GET", "/two_factor/users/show?search=al&id=" + id, "", "", 400, "either id"},
	} {
		r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		status, answer := sendDesk(t, r)
		if said, _ := answer["error"].(string); status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%s %s %s: %d %v, want %d with %q", c.method, c.path, c.body, status, answer, c.status, c.says)
		}
	}
	status, all := askDesk(t, http.MethodGet, "/two_factor/users/show?id="+id, nil)
	if status != http.StatusOK || all["activated"] != true || all["session_count"] != 1.0 {
		t.Errorf("afterwards: %d, %v", status, all)
	}
	if status, all := askDesk(t, http.MethodGet, "/two_factor/status", nil); status != http.StatusOK || len(all["realms"].([]any)) != 1 {
		t.Errorf("status: %d, %v", status, all)
	}
}
