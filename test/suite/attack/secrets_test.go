package attack

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/badger"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// accessLog logs every request as well, as most operators do.
const accessLog = "log {\n\toutput file %s\n\tformat json\n}\n"

// everythingWritten is what lies in the directory of store and logs, by file.
func everythingWritten(t *testing.T, h *harness.Harness) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(filepath.Dir(h.Dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		all[filepath.Base(path)] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// urlTap notes every address that was asked for or led to.
type urlTap struct {
	inner http.RoundTripper
	seen  *[]string
}

func (u urlTap) RoundTrip(r *http.Request) (*http.Response, error) {
	*u.seen = append(*u.seen, r.URL.String())
	res, err := u.inner.RoundTrip(r)
	if err == nil {
		*u.seen = append(*u.seen, res.Header.Get("Location"))
	}
	return res, err
}

// TestASVS_16_2_NothingSecretIsWritten: ASVS 6.5.2, 14.2 and 16.2. A whole life with
// set-up, codes, wrong codes, backup codes, new backup codes, sign-outs and turning
// off; then everything that the process wrote to disk (store, log at debug level,
// access log) and every address is searched for every secret of it.
func TestASVS_16_2_NothingSecretIsWritten(t *testing.T) {
	access := filepath.Join(t.TempDir(), "access.log")
	portal := &harness.Legacy{Rotate: true}
	h := harness.StartSiteOnDisk(t, portal, fmt.Sprintf(accessLog, access)+"two_factor {\n"+harness.LegacyLines+unthrottled+"\n}\nreverse_proxy PORTAL")
	var urls []string
	secrets := map[string]string{}
	b := h.Browser()
	b.Client.Transport = urlTap{http.DefaultTransport, &urls}
	keep := func(when string) {
		for name, value := range b.Cookies("/") {
			secrets["cookie "+name+" "+when] = value
		}
	}
	b.SignIn("alice")
	keep("before the set-up")
	alice := b.Enrol()
	keep("after it")
	secrets["seed"] = alice.Secret
	for i, code := range alice.Backup {
		secrets[fmt.Sprint("backup code ", i)] = code
		secrets[fmt.Sprint("backup code, bare ", i)] = strings.ReplaceAll(code, "-", "")
	}
	for i := range 3 {
		b.Get("/logout")
		b.SignIn("alice")
		b.Pass("000000")
		code := alice.Code(t)
		secrets[fmt.Sprint("code ", i)] = `"` + code + `"` // six digits alone may be part of anything
		if b.Pass(code); !shown(b, "alice") {
			t.Fatal("not cleared")
		}
		keep(fmt.Sprint("round ", i))
	}
	b.Get("/logout")
	b.SignIn("alice")
	b.Post("/two-factor/challenge?use=backup", url.Values{"code": {alice.Backup[0]}})
	b.Post("/two-factor/backup-codes", url.Values{"action": {"generate"}, "code": {alice.Code(t)}})
	b.Post("/two-factor/disable", url.Values{"code": {alice.Code(t)}})
	keep("at the end")
	for i, r := range portal.Requests() {
		if c, err := r.Cookie("PHPSESSID"); err == nil {
			secrets[fmt.Sprint("portal's session ", i)] = c.Value
		}
	}
	secrets["password"] = "pw-alice"
	searched(t, h, access, urls, secrets)
}

func searched(t *testing.T, h *harness.Harness, access string, urls []string, secrets map[string]string) {
	t.Helper()
	raw, err := os.ReadFile(access)
	if err != nil {
		t.Fatal(err)
	}
	written := everythingWritten(t, h)
	written["access log"], written["addresses"] = string(raw), strings.Join(urls, "\n")
	if !strings.Contains(h.LogText(), "second factor accepted") || !strings.Contains(string(raw), "/two-factor/challenge") || len(written) < 5 {
		t.Fatalf("too little is captured: %d files", len(written))
	}
	for where, text := range written {
		for what, secret := range secrets {
			if len(secret) > 3 && strings.Contains(text, secret) {
				t.Errorf("%s is in %s", what, where)
			}
		}
	}
}

// named is a portal at which everybody with a session has this name.
func named(name string) *harness.Legacy {
	return &harness.Legacy{Lazy: true, Before: func(_ *harness.Legacy, w http.ResponseWriter, r *http.Request) bool {
		if _, err := r.Cookie("PHPSESSID"); r.URL.Path != "/me" || err != nil {
			return false
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"user": name})
		return true
	}}
}

// TestASVS_16_3_NamesStayOneRecord: a user name that looks like the rest of a log record stays one
// value of its record. A name with a line break identifies no user and starts no new record.
func TestASVS_16_3_NamesStayOneRecord(t *testing.T) {
	h := harness.Start(t, named(`eve","msg":"forged`), harness.LegacyLines)
	b := h.Browser()
	b.SignIn("carol")
	b.Enrol()
	if log := h.LogText(); !strings.Contains(log, `"user_id":"eve\",\"msg\":\"forged"`) || strings.Contains(log, `"msg":"forged`) {
		t.Error("the log does not name the user as one value")
	}
	h = harness.Start(t, named("eve\r\n{\"msg\":\"forged\"}"), harness.LegacyLines)
	b = h.Browser()
	if p := b.SignIn("carol"); p.Status != http.StatusServiceUnavailable {
		t.Errorf("somebody with a line break in his name: %d", p.Status)
	}
	for line := range strings.Lines(h.LogText()) {
		if !strings.HasPrefix(line, `{"level"`) {
			t.Errorf("no record: %s", line)
		}
	}
}

// TestAttack_StrangersWriteNothing: section G. Random cookies, users and codes from clients that
// have not signed in change no record of the store, except the record by which the server proves
// that the store accepts writes.
func TestAttack_StrangersWriteNothing(t *testing.T) {
	h := harness.StartSiteOnDisk(t, &harness.Legacy{Rotate: true}, fmt.Sprintf(harness.Site, harness.LegacyLate, "PORTAL"))
	enrolled(h, "alice")
	before := recordsOf(t, h)
	h.Reload()
	strangersKnock(h)
	after := recordsOf(t, h)
	for key, value := range after {
		if old, known := before[key]; !known || old != value {
			t.Errorf("strangers wrote %q, known before: %v", key, known)
		}
	}
	if len(before) < 5 || len(after) != len(before) {
		t.Errorf("%d records, before %d", len(after), len(before))
	}
}

// recordsOf stops the server, which writes all that it has to, and reads its store.
func recordsOf(t *testing.T, h *harness.Harness) map[string]string {
	t.Helper()
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	db, err := badger.Open(filepath.Join(h.Dir, "store"), badger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	all := make(map[string]string)
	err = db.Snapshot(t.Context(), func(s store.Snapshot) error {
		return s.Each(func(r store.Raw) error {
			all[string(r.Key)] = string(r.Value)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(all, "k") // what Check writes
	return all
}

// strangersKnock sends requests of clients that have not signed in, several at once, because each
// wrong password takes time.
func strangersKnock(h *harness.Harness) {
	var all sync.WaitGroup
	for first := range 10 {
		all.Go(func() {
			for i := first; i < 150; i += 10 {
				knock(h, i)
			}
		})
	}
	all.Wait()
}

func knock(h *harness.Harness, i int) {
	b := h.Browser()
	if i%2 == 0 {
		b.SetCookie("sg", fmt.Sprintf("%043d", i))
		b.SetCookie("PHPSESSID", fmt.Sprint("guess", i))
	}
	b.Get("/account")
	try(b, "/login", url.Values{"user": {fmt.Sprint("user", i)}, "password": {"wrong"}})
	b.Get("/two-factor/" + []string{"", "setup", "challenge", "help", "x.css"}[i%5])
	try(b, "/two-factor/challenge", url.Values{"code": {fmt.Sprintf("%06d", i)}, "user": {"alice"}})
}
