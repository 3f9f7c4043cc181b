package operations

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// page is what the admin API lists.
type page struct {
	Entries []audit.Line `json:"entries"`
	Next    string       `json:"next"`
	Error   string       `json:"error"`
}

// seqs are the numbers of its entries, as 3,2,1.
func (p *page) seqs() string {
	var all []string
	for _, l := range p.Entries {
		all = append(all, fmt.Sprint(l.Seq))
	}
	return strings.Join(all, ",")
}

// peopled is a server with five events: three sign-ins of alice's, one of bob's, and,
// two days later, another of bob's.
func peopled(t *testing.T) *world {
	t.Helper()
	w := startAudited(t, &harness.Legacy{Rotate: true})
	for _, user := range []string{"alice", "alice", "bob", "alice"} {
		w.Browser().SignIn(user)
		w.events() // so that they are numbered in this order
	}
	t.Cleanup(clock.Move(48 * time.Hour))
	w.Browser().SignIn("bob")
	w.events()
	return w
}

// TestAPI_List: by realm, user and time, from either end, in pages.
func TestAPI_List(t *testing.T) {
	w := peopled(t)
	for query, want := range map[string]string{
		"":                                   "1,2,3,4,5",
		"realm=default":                      "1,2,3,4,5",
		"realm=other":                        "",
		"realm=default&user=bob":             "3,5",
		"realm=default&user=BOB":             "",
		"realm=default&user=bob&newest=true": "5,3",
		"from=1d":                            "5",
		"from=" + clock.Now().UTC().Format("2006-01-02"):                             "5",
		"to=" + url.QueryEscape(clock.Now().Add(-24*time.Hour).Format(time.RFC3339)): "1,2,3,4",
		"limit=2":                  "1,2",
		"limit=2&after=2":          "3,4",
		"limit=2&after=4":          "5",
		"limit=2&newest=1":         "5,4",
		"limit=2&newest=1&after=4": "3,2",
	} {
		var p page
		if status := w.get("/two_factor/audit?"+query, &p); status != http.StatusOK || p.seqs() != want {
			t.Errorf("%s: %d %s, want %s %s", query, status, p.seqs(), want, p.Error)
		}
	}
}

// TestAPI_BadInput: a request that can't be parsed is refused with the expected form.
func TestAPI_BadInput(t *testing.T) {
	w := startAudited(t, &harness.Legacy{})
	for query, want := range map[string]string{
		"?user=bob":              "want realm",
		"?usr=bob&realm=default": `unknown parameter "usr"`,
		"?realm=a&realm=b":       "given again",
		"?from=yesterday":        "no time",
		"?to=2026-13-01":         "no time",
		"?limit=0":               "1 to 1000",
		"?limit=1001":            "1 to 1000",
		"?limit=x":               "1 to 1000",
		"?after=x":               "next",
		"?newest=maybe":          "true nor false",
		"/export?limit=3":        `unknown parameter "limit"`,
		"/verify?head=3":         "SEQ:HASH",
		"/verify?seq=3":          `unknown parameter "seq"`,
	} {
		var p page
		if status := w.get("/two_factor/audit"+query, &p); status != http.StatusBadRequest || !strings.Contains(p.Error, want) {
			t.Errorf("%s: %d %s", query, status, p.Error)
		}
	}
	res, err := http.Post("http://"+w.admin+"/two_factor/audit", "text/plain", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
}

// export is the whole audit log.
func (w *world) export() []byte {
	w.t.Helper()
	res, err := http.Get("http://" + w.admin + "/two_factor/audit/export")
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/x-ndjson" {
		w.t.Fatalf("%d %v", res.StatusCode, err)
	}
	return raw
}

// TestAPI_Verify: the chain heads in the server's log verify against the log and against an
// export.
func TestAPI_Verify(t *testing.T) {
	w := peopled(t)
	var r audit.Report
	if w.get("/two_factor/audit/verify", &r); !r.OK() || r.Entries != 5 || r.Head == nil {
		t.Fatalf("%+v", r)
	}
	head := r.Head.String()
	w.Browser().SignIn("carol")
	if w.get("/two_factor/audit/verify?head="+head, &r); !r.OK() || r.Entries != 6 {
		t.Errorf("%+v", r)
	}
	if r, err := audit.VerifyExport(bytes.NewReader(w.export()), *r.Head); err != nil || !r.OK() || r.Entries != 6 {
		t.Errorf("%+v, %v", r, err)
	}
	other := "5:" + strings.Repeat("0", 64)
	if w.get("/two_factor/audit/verify?head="+other, &r); r.OK() || r.At != 5 {
		t.Errorf("%+v", r)
	}
}

// TestAttack_J5_KeepBelievesNoJump: a start with the clock a month ahead removes nothing
// that `keep` names, however often it happens.
func TestAttack_J5_KeepBelievesNoJump(t *testing.T) {
	w := startAudited(t, &harness.Legacy{}, func(w *world) { w.global = "audit {\n keep 30d\n}" })
	w.Browser().SignIn("alice")
	if len(w.events()) != 1 {
		t.Fatal("no event")
	}
	t.Cleanup(clock.Move(31 * 24 * time.Hour))
	w.Browser().SignIn("bob")
	for range 2 {
		if err := caddy.Stop(); err != nil {
			t.Fatal(err)
		}
		w.reload()
		time.Sleep(2 * time.Second) // events are settled, and old ones removed, every second
	}
	if events := w.events(); len(events) != 2 {
		t.Errorf("%+v", events)
	}
	var r audit.Report
	if w.get("/two_factor/audit/verify", &r); !r.OK() || r.First != 1 || r.Base != nil {
		t.Errorf("%+v", r)
	}
}
