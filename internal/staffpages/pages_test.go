package staffpages

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/staff"
	"github.com/secondgate/secondgate/internal/store"
)

var (
	rowPattern  = regexp.MustCompile(`<th scope="row"[^>]*><a href="/user\?id=([^&"]+)`)
	nextPattern = regexp.MustCompile(`rel="next" href="([^"]+)"`)
	backPattern = regexp.MustCompile(`rel="prev" href="([^"]+)"`)
)

func (a answer) rows() (ids []string) {
	for _, m := range rowPattern.FindAllStringSubmatch(a.Body.String(), -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func (a answer) link(p *regexp.Regexp) string {
	m := p.FindStringSubmatch(a.Body.String())
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

// Every user is on exactly one page, in order. Going back shows the same pages.
func TestPagesForthAndBack(t *testing.T) {
	w := newWorld(t, "shop")
	const users = 25*pageSize + 7 // more pages than the way back is kept for
	w.fill("shop", users)
	var seen, visited []string
	for target := "/?sort=id"; target != ""; {
		page := w.get(target).want(200)
		seen, visited = append(seen, page.rows()...), append(visited, page.rows()[0])
		if target = page.link(nextPattern); target == "" {
			for i := len(visited) - 2; i >= len(visited)-1-maxTrail; i-- {
				page = w.get(page.link(backPattern)).want(200)
				if page.rows()[0] != visited[i] {
					t.Fatalf("back on page %d: begins with %s, want %s", i, page.rows()[0], visited[i])
				}
			}
			if back := page.link(backPattern); back != "" {
				t.Errorf("the way back goes on where it is not known: %s", back)
			}
			page.want(200, "First page")
		}
	}
	if len(seen) != users || seen[0] != "000000" || seen[users-1] != fmt.Sprintf("%06d", users-1) {
		t.Errorf("%d users listed, from %s to %s; want %d", len(seen), seen[0], seen[len(seen)-1], users)
	}
	second := w.get(w.get("/?sort=id").link(nextPattern))
	first := w.get(second.link(backPattern)).lacks(`rel="prev"`)
	if first.rows()[0] != "000000" {
		t.Errorf("back from the second page: %s", first.rows()[0])
	}
}

func TestFilterSortAndSearch(t *testing.T) {
	w := newWorld(t, "shop")
	w.customers()
	for target, want := range map[string]string{
		"/?status=activated&sort=id":    "10017 10020 10021 10022 a-very",
		"/?status=not-activated":        "nameless-7 10018",
		"/?status=locked&sort=id":       "10022 a-very",
		"/?q=alice":                     "10017",
		"/?q=1001&sort=-id":             "10018 10017",
		"/?q=nobody":                    "",
		"/?q=alice&sort=enabled":        "10017",
		"/?sort=-id&status=activated":   "a-very 10022 10021 10020 10017",
		"/?q=10017%40example.com":       "10017",
		"/?realm=shop&q=carl%20%C3%B6h": "10022",
	} {
		var got []string
		for _, id := range w.get(target).want(200).rows() {
			id, _, _ = strings.Cut(id, "-long")
			got = append(got, id)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", target, got, want)
		}
	}
	w.get("/?q=nobody").want(200, "No customer fits").lacks("<table")
	w.get("/?sort=-enabled").want(200, `aria-sort="descending"><a href="/?realm=shop&amp;sort=enabled"`)
}

// TestRealms: the desk shows only its realms, at every address.
func TestRealms(t *testing.T) {
	w := newWorld(t, "forum", "shop")
	w.customers()
	w.get("/").want(200, "Somebody else", `<option value="shop">`)
	w.pages.Realms = []string{"shop"}
	w.get("/").want(200, "Alice").lacks("Somebody else", `name="realm"`)
	for _, target := range []string{"/?realm=forum", "/users.csv?realm=forum", "/user?realm=forum&id=f1", "/act?act=reset&realm=forum&id=f1", "/recovery-code?realm=forum&id=f1"} {
		w.get(target).want(404).lacks("Somebody else")
	}
	w.act("reset", "forum", "f1", "a good reason").want(404)
	if u, err := w.db.User(t.Context(), key("forum", "f1")); err != nil || !u.Activated() {
		t.Errorf("a realm that is not shown was changed: %v", err)
	}
	newWorld(t).get("/").want(200, "No site of this server has two_factor")
}

func (w *world) csv(target string) [][]string {
	w.t.Helper()
	got := w.get(target).want(200)
	if kind := got.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/csv; charset=utf-8") {
		w.t.Errorf("Content-Type %q", kind)
	}
	body := got.Body.String()
	if strings.Count(body, "\r\n") != strings.Count(body, "\n") {
		w.t.Error("lines do not end in CR LF (RFC 4180)")
	}
	lines, err := csv.NewReader(got.Body).ReadAll()
	if err != nil {
		w.t.Fatal(err)
	}
	return lines
}

func TestCSV(t *testing.T) {
	w := newWorld(t, "shop")
	w.fill("shop", staff.MaxLimit+10) // more than one page of the store
	lines := w.csv("/users.csv?realm=shop")
	if len(lines) != staff.MaxLimit+11 || strings.Join(lines[0], ",") != strings.Join(csvHeader, ",") {
		t.Fatalf("%d lines, the first %q", len(lines), lines[0])
	}
	if lines := w.csv("/users.csv?q=00100&sort=id"); len(lines) != 11 || lines[1][1] != "001000" {
		t.Errorf("searched: %d lines", len(lines))
	}
	if lines := w.csv("/users.csv?status=locked"); len(lines) != 1 {
		t.Errorf("locked: %q", lines)
	}
	if got := w.get("/users.csv").Header().Get("Content-Disposition"); !strings.HasPrefix(got, "attachment;") {
		t.Errorf("Content-Disposition %q", got)
	}
}

// Names are the customers' own: none is a formula in staff's spreadsheet.
func TestAttack_FormulaInCSV(t *testing.T) {
	w := newWorld(t, "shop")
	for i, name := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1", "a=b", `say "hi", you`, "two\nlines"} {
		w.put(store.User{Key: key("shop", fmt.Sprintf("=%d", i)), Name: name, FirstSeen: w.now})
	}
	for _, line := range w.csv("/users.csv?sort=id")[1:] {
		for _, cell := range line {
			if cell != "" && strings.ContainsRune("=+-@\t\r＝", []rune(cell)[0]) {
				t.Errorf("cell %q is a formula", cell)
			}
		}
		switch line[1] {
		case "'=0":
			if line[2] != "'=1+1" {
				t.Errorf("the name is %q", line[2])
			}
		case "'=7":
			if line[2] != "a=b" {
				t.Errorf("a harmless name was changed: %q", line[2])
			}
		}
	}
}

// failing fails at the second page.
type failing struct {
	Desk
	pages int
}

func (f *failing) List(ctx context.Context, q staff.Query) (staff.Page, error) {
	if f.pages++; f.pages > 1 {
		return staff.Page{}, store.ErrClosed
	}
	return f.Desk.List(ctx, q)
}

// TestCSVIsWholeOrBroken: a truncated list is not taken for a complete one, because the connection
// is aborted.
func TestCSVIsWholeOrBroken(t *testing.T) {
	w := newWorld(t, "shop")
	w.fill("shop", staff.MaxLimit+1)
	broken := &failing{Desk: w.desk}
	w.pages.Desk = func() Desk { return broken }
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a broken export ended as if it were whole")
		}
	}()
	w.get("/users.csv")
}

// TestFault: a failing store leads to a 503 without details, and to a line in the log.
func TestFault(t *testing.T) {
	w := newWorld(t, "shop")
	w.pages.Desk = func() Desk { return &failing{Desk: w.desk, pages: 1} }
	w.get("/").want(503, "Please try again").lacks("closed")
	if w.logs.FilterMessage("the support desk can't work").Len() != 1 {
		t.Errorf("log: %v", w.logs.All())
	}
}

// A recovery code is shown once, to the staff member who issued it, for that customer, and never
// in an address or the log.
func TestRecoveryCodeIsShownOnce(t *testing.T) {
	w := newWorld(t, "shop")
	w.customers()
	issue := func() string {
		got := w.act("recovery", "shop", "10017", "called back").want(303)
		return got.Header().Get("Location")
	}
	shown := regexp.MustCompile(`id="recovery"[^>]*>([^<]+)<`)
	next := issue()
	head := httptest.NewRequest(http.MethodHead, origin+next, nil)
	w.do(head).want(200)
	code := shown.FindStringSubmatch(w.get(next).want(200).Body.String())
	if code == nil || strings.Contains(next, code[1]) {
		t.Fatalf("code %v at %s", code, next)
	}
	w.get(next).want(200, "shown already").lacks(code[1])

	next = issue()
	w.visitor.Staff = "bert"
	w.get(next).want(200, "shown already")
	w.visitor.Staff = "anna"
	w.get(strings.Replace(next, "10017", "10022", 1)).want(200, "shown already")
	w.now = w.now.Add(codeField.Life)
	w.get(next).want(200, "shown already")
	for _, entry := range w.logs.All() {
		if text := fmt.Sprint(entry.Message, entry.ContextMap()); strings.Contains(text, code[1]) {
			t.Errorf("the log has the code: %s", text)
		}
	}
}

// TestOddNames: a name that can't be written to the audit log identifies no staff member.
func TestOddNames(t *testing.T) {
	w := newWorld(t, "shop")
	w.customers()
	for _, name := range []string{"", "an\nna", "anna\u202e", strings.Repeat("a", 201), "\xff"} {
		w.visitor.Staff = name
		w.get("/").want(403).lacks("Alice")
		w.act("reset", "shop", "10017", "a good reason").want(403)
	}
}

// TestToldByMail: the page says that the customer gets a mail only if mails are sent and the
// customer has an address.
func TestToldByMail(t *testing.T) {
	w := newWorld(t, "shop")
	w.customers()
	off := w.enrolled("shop", "10030", "No Address")
	off.Email = ""
	w.put(off)
	w.act("reset", "shop", "10017", "a good reason").want(303)
	w.get("/user?realm=shop&id=10017").want(200, "were reset").lacks("by e-mail")
	w.pages.Mails = func() bool { return true }
	w.act("reset", "shop", "10020", "a good reason").want(303)
	w.get("/user?realm=shop&id=10020").want(200, "were reset", "10020@example.com is told by e-mail")
	next := w.act("recovery", "shop", "10021", "a good reason").want(303).Header().Get("Location")
	w.get(next).want(200, "A recovery code was issued", "10021@example.com is told by e-mail")
	w.act("reset", "shop", "10030", "a good reason").want(303)
	w.get("/user?realm=shop&id=10030").want(200, "were reset").lacks("by e-mail")
}

// TestNothingToDo: if the customer's state has changed meanwhile, the page says so, and no action
// runs twice.
func TestNothingToDo(t *testing.T) {
	w := newWorld(t, "shop")
	w.customers()
	for _, act := range []string{"reset", "unlock", "recovery"} {
		w.act(act, "shop", "10018", "a good reason").want(303)
		w.get("/user?realm=shop&id=10018").want(200, "Nothing was changed: Bob Berg")
		w.get("/act?act=" + act + "&realm=shop&id=10018").want(303)
		w.get("/user?realm=shop&id=10018").want(200, "Nothing was changed: Bob Berg")
	}
}

// TestJ8_DeskEndsSessionsOfAnyone: browsers that gave the password alone are signed in, too.
func TestJ8_DeskEndsSessionsOfAnyone(t *testing.T) {
	w := newWorld(t, "shop")
	w.customers()
	w.get("/user?realm=shop&id=10018").want(200, "no second factor", "act=end").lacks("act=reset")
	w.act("end", "shop", "10018", "a good reason").want(303)
	w.get("/user?realm=shop&id=10018").want(200, "Bob Berg was signed out everywhere. 0 browsers had passed a code.", "All sessions ended by staff")
	if u, err := w.db.User(t.Context(), store.UserKey{Realm: "shop", ID: "10018"}); err != nil || u.SessionsEnded.IsZero() {
		t.Errorf("sessions ended at %v, %v", u.SessionsEnded, err)
	}
}

func TestUnlock(t *testing.T) {
	w := newWorld(t, "shop")
	w.customers()
	w.get("/user?realm=shop&id=10022").want(200, "codes from the app are switched off", "Unlock", "bert issued")
	w.act("unlock", "shop", "10022", "it was himself").want(303)
	w.get("/user?realm=shop&id=10022").want(200, "Carl Öhman was unlocked", "Unlocked by staff", "it was himself", "anna").lacks("act=unlock")
}

// Every kind of event about a user has a sentence.
func TestEveryEventHasWords(t *testing.T) {
	set := newWorld(t, "shop").pages.set
	for _, kind := range inHistory {
		said, err := set.Sentence("en", history([]store.Event{{Kind: kind}})[0].What)
		if err != nil || said == "" {
			t.Errorf("%s: %q, %v", kind, said, err)
		}
	}
	unknown := history([]store.Event{{At: time.Now(), Kind: "of_another_version"}})
	if unknown[0].What.ID != "" || unknown[0].Kind != "of_another_version" {
		t.Errorf("an unknown event: %+v", unknown[0])
	}
}
