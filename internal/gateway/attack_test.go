package gateway_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/route"
)

// paths is a gateway.Rule.
type paths route.Patterns

func (p paths) Any(_ *http.Request, readings []string) bool { return route.Patterns(p).Any(readings) }
func (p paths) All(_ *http.Request, readings []string) bool { return route.Patterns(p).All(readings) }

// withheld reports whether a page shows no user: it is refused, or a stranger's, since
// the sign-in of another user in a session takes its cookie out of the browser.
func withheld(f *flight) bool {
	return f.code() == http.StatusUnauthorized || strings.Contains(f.text(), secret(""))
}

// attack runs a test in virtual time.
func attack(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// TestModel: the model's portal works as the attacks need it: strangers and bob get their
// pages, alice is asked for a code.
func TestModel(t *testing.T) {
	attack(t, "ordinary", func(t *testing.T) {
		v := newWorld(t, nil).visitor()
		if f := v.send("GET /page"); !strings.Contains(f.text(), secret("")) {
			t.Errorf("a stranger: %s", f.text())
		}
		if f := v.signIn("bob"); f.code() != http.StatusOK || !strings.Contains(f.text(), secret("bob")) {
			t.Errorf("bob signs in: %s", f.text())
		}
		if f := v.send("GET /page"); !strings.Contains(f.text(), secret("bob")) {
			t.Errorf("bob: %s", f.text())
		}
		if f := v.signIn("alice"); f.code() != http.StatusUnauthorized {
			t.Errorf("alice signs in: %s", f.text())
		}
		f := v.send("GET /page")
		if !withheld(f) {
			t.Errorf("alice: %s", f.text())
		}
		v.never("alice", f)
	})
}

// TestAttack_H1_CookieWithoutPath: a portal sets its session cookie without Path, so that
// browsers send it below the directory of the sign-in only. A question has the cookies of
// the request that it is about, not those of whoami's path.
func TestAttack_H1_CookieWithoutPath(t *testing.T) {
	for name, signIn := range map[string]string{
		"dot segment": "POST /./login.php user=alice", "path info": "POST /login.php/x/y user=alice", "directory": "POST /app/login.php user=alice",
		"upper case": "POST /APP/login.php user=alice",
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.attributes = ""
			v := w.visitor()
			v.never("the sign-in", v.send(signIn))
			dir, _, _ := strings.Cut(strings.TrimPrefix(signIn, "POST "), " ")
			dir = dir[:strings.LastIndexByte(dir, '/')]
			for _, page := range []string{dir + "/page", dir, "/page"} {
				v.never(page, v.send("GET "+page))
			}
		})
	}
}

// TestAttack_H1_AnonymousTwin: the attacker leaves an anonymous session under whoami's
// directory before signing in elsewhere: whoami sees the twin, the page the session.
func TestAttack_H1_AnonymousTwin(t *testing.T) {
	attack(t, "twin", func(t *testing.T) {
		w := newWorld(t, nil, "/account/me")
		w.shop.attributes = ""
		w.shop.pages["/account/cart"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.begin(rw, r)
			return nil
		}
		v := w.visitor()
		if f := v.send("GET /account/cart"); f.code() != http.StatusOK {
			t.Fatal(f.text())
		}
		v.never("the sign-in", v.signIn("alice"))
		f := v.send("GET /page")
		if v.never("the page", f); f.code() == http.StatusOK {
			t.Errorf("the page: %s", f.text())
		}
	})
}

// TestAttack_H1_ScopedSignIn: a sign-in sets a twin of the session's cookie for another path.
// Its own response is withheld, although neither its path nor whoami's is sent that twin.
func TestAttack_H1_ScopedSignIn(t *testing.T) {
	attack(t, "twin", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, "scoped", "alice")
			rw.Header().Add("Set-Cookie", "SID=scoped; Path=/account")
			_, err := io.WriteString(rw, secret("alice"))
			return err
		}
		v := w.visitor()
		v.send("GET /cart")
		for _, line := range []string{"POST /enter user=alice", "GET /enter?token=1"} {
			v.never(line, v.send(line))
			v.never("its page", v.send("GET /account/page"))
		}
	})
}

// TestAttack_H1_UncoveredCookie: a cookie that no whoami is sent can't be asked about. The
// request is refused, and the log names the cookie and the remedy.
func TestAttack_H1_UncoveredCookie(t *testing.T) {
	attack(t, "scoped to /app", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.attributes = "; Path=/app"
		w.shop.pages["/app/cart"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.begin(rw, r)
			return nil
		}
		v := w.visitor()
		for _, line := range []string{"POST /app/login.php user=bob", "POST /app/login.php user=alice", "GET /app/cart"} {
			if f := v.send(line); f.code() != http.StatusServiceUnavailable {
				t.Errorf("%s: %s", line, f.text())
			}
		}
		logged := fmt.Sprint(w.logs.FilterMessage("whoami gave no answer").All())
		if !strings.Contains(logged, "add a whoami below the cookie's path") || !strings.Contains(logged, "`leave SID`") {
			t.Errorf("the log names no remedy: %s", logged)
		}
	})
}

// TestAttack_H2_LateCommit: a portal commits a sign-in after its headers, at its end, or
// after its end but within settle. The visit is an own account's, which owes nothing, or a
// stranger's.
func TestAttack_H2_LateCommit(t *testing.T) {
	commits := map[string]func(w http.ResponseWriter, commit func()){
		"after the headers": func(w http.ResponseWriter, commit func()) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(300 * time.Millisecond)
			commit()
			_, _ = io.WriteString(w, secret("alice"))
		},
		"at the end": func(w http.ResponseWriter, commit func()) {
			_, _ = io.WriteString(w, secret("alice"))
			_ = http.NewResponseController(w).Flush()
			time.Sleep(300 * time.Millisecond)
			commit()
		},
		"without a body": func(w http.ResponseWriter, commit func()) {
			w.Header().Set("X-User", secret("alice"))
			w.WriteHeader(http.StatusNoContent)
			time.Sleep(300 * time.Millisecond)
			commit()
		},
		"with a redirect": func(w http.ResponseWriter, commit func()) {
			w.Header().Set("Location", "/page#"+secret("alice"))
			w.WriteHeader(http.StatusFound)
			time.Sleep(300 * time.Millisecond)
			commit()
		},
		"after the end": func(w http.ResponseWriter, commit func()) {
			_, _ = io.WriteString(w, "welcome")
			time.AfterFunc(1500*time.Millisecond, commit)
		},
		"at the end of settle": func(w http.ResponseWriter, commit func()) {
			_, _ = io.WriteString(w, "welcome")
			time.AfterFunc(1950*time.Millisecond, commit)
		},
		"after the end of a redirect": func(w http.ResponseWriter, commit func()) {
			w.Header().Set("Location", "/page")
			w.WriteHeader(http.StatusFound)
			time.AfterFunc(1500*time.Millisecond, commit)
		},
	}
	for name, respond := range commits {
		for _, own := range []string{"", "bob"} {
			for _, declared := range []bool{false, true} {
				attack(t, fmt.Sprintf("%s, own account %q, declared %v", name, own, declared), func(t *testing.T) {
					lateCommit(t, "POST /late user=alice", respond, own, declared)
				})
			}
			if strings.Contains(name, "redirect") { // a link may sign in, too
				attack(t, fmt.Sprintf("%s of a link, own account %q", name, own), func(t *testing.T) {
					lateCommit(t, "GET /late?token=1", respond, own, false)
				})
			}
		}
	}
}

func lateCommit(t *testing.T, signIn string, respond func(http.ResponseWriter, func()), own string, declared bool) {
	w := newWorld(t, func(o *gateway.Options) {
		if declared {
			o.Rules.SignIn, o.Rules.LinkSignIn = paths{"/late"}, paths{"/late"}
		}
	})
	w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
		id := w.shop.begin(rw, r)
		respond(rw, func() { w.shop.commit(r, id, "alice") })
		return nil
	}
	v := w.visitor()
	v.signIn(own)
	v.send("GET /page")
	time.Sleep(5 * time.Second) // the visit is settled
	v.never("the sign-in", v.send(signIn))
	for range 40 {
		v.never("a page", v.send("GET /page"))
		v.never("a style sheet", v.send("GET /style.css"))
		time.Sleep(200 * time.Millisecond)
	}
	if f := v.send("GET /page"); !withheld(f) {
		t.Errorf("a page later: %s", f.text())
	}
}

// TestAttack_H2_ClientLeavesSignIn: the client of a sign-in leaves, and the portal commits
// afterwards. The visit's next requests wait for the sign-in, or are checked.
func TestAttack_H2_ClientLeavesSignIn(t *testing.T) {
	for _, own := range []string{"", "bob"} {
		attack(t, "own account "+own, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn = paths{"/slow"} })
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				time.Sleep(3 * time.Second)
				w.shop.commit(r, id, "alice")
				_, err := io.WriteString(rw, secret("alice"))
				return err
			}
			v := w.visitor()
			v.signIn(own)
			time.Sleep(5 * time.Second)
			ctx, leave := context.WithCancel(t.Context())
			f := v.start(ctx, "POST /slow user=alice")
			synctest.Wait()
			leave()
			for range 40 {
				v.never("a page", v.send("GET /page"))
				time.Sleep(200 * time.Millisecond)
			}
			<-f.done
			v.never("the sign-in", f)
			if f := v.send("GET /page"); !withheld(f) {
				t.Errorf("a page later: %s", f.text())
			}
		})
	}
}

// TestAttack_H4_Pinned: a portal binds sessions to a header that browsers vary, so that
// whoami calls a request anonymous that differs only in that header. An answer serves the
// values that it was given for.
func TestAttack_H4_Pinned(t *testing.T) {
	for _, tt := range []struct{ name, right, wrong string }{
		{"Accept-Charset", "utf-8", "iso-8859-1"}, {"Accept-Encoding", "br", "gzip"}, {"Accept-Language", "fi", "sv"},
		{"Referer", "https://example.com/a?b=1", "https://example.com/a?b=2"}, {"Sec-Ch-Ua-Model", "a", "b"}, {"X-Unknown", "1", "2"},
		{"Accept", "x/y", "text/html"}, {"Priority", "u=9", "u=1"}, {"Cache-Control", "private", "no-cache"}, {"Origin", "https://example.com", ""},
		{"Cookie", "_ga=1", "_ga=2"}, {"Content-Language", "fi", ""}, {"X-Requested-With", "app", "XMLHttpRequest"},
	} {
		attack(t, tt.name, func(t *testing.T) { pinned(t, tt.name, tt.right, tt.wrong) })
	}
}

func pinned(t *testing.T, name, right, wrong string) {
	w := newWorld(t, nil)
	w.shop.pin = func(r *http.Request) string { return r.Header.Get(name) }
	v := w.visitor()
	with := func(value string) string { return name + ": " + value }
	if name == "Cookie" { // a free cookie, beside the visit's
		w.shop.pin = func(r *http.Request) string {
			c, err := r.Cookie("_ga")
			if err != nil {
				return ""
			}
			return "_ga=" + c.Value
		}
		with = func(value string) string {
			v.set("_ga", strings.TrimPrefix(value, "_ga="), false)
			return "X-Requested-With: XMLHttpRequest"
		}
	}
	v.send("GET /page", with(wrong))
	v.never("the sign-in", v.send("POST /login.php user=alice", with(right)))
	for range 3 {
		if f := v.send("GET /page", with(wrong)); f.code() != http.StatusOK {
			t.Errorf("with %q: %s", wrong, f.text())
		}
		f := v.send("GET /page", with(right))
		if v.never("a page", f); !withheld(f) {
			t.Errorf("with %q: %s", right, f.text())
		}
		time.Sleep(40 * time.Second)
	}
}

// TestAttack_H5_DroppedLink: in an own visit an undeclared link signs alice in, and its
// client leaves before the response, or the portal cuts the connection without headers.
func TestAttack_H5_DroppedLink(t *testing.T) {
	for name, tt := range map[string]struct {
		leaves bool // the client leaves
		cut    bool // the portal answers without headers
		late   time.Duration
	}{
		"client leaves": {leaves: true}, "portal cuts": {cut: true}, "both": {leaves: true, cut: true},
		"portal cuts, commits later": {cut: true, late: 1500 * time.Millisecond},
		"client leaves long before":  {leaves: true, late: 20 * time.Second},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			var commit func()
			w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				commit = func() { w.shop.commit(r, id, "alice") }
				if tt.cut {
					time.AfterFunc(time.Second+tt.late, commit)
					select {
					case <-time.After(time.Second):
					case <-r.Context().Done(): // as a proxy does
					}
					return errCut
				}
				select {
				case <-time.After(time.Second + tt.late):
				case <-r.Context().Done():
					time.AfterFunc(time.Second+tt.late, commit)
					return r.Context().Err()
				}
				commit()
				http.Redirect(rw, r, "/page", http.StatusFound)
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page") // an answer is kept
			ctx, leave := context.WithCancel(t.Context())
			f := v.start(ctx, "GET /magic?t=1")
			time.Sleep(500 * time.Millisecond)
			if tt.leaves {
				leave()
			}
			for range 160 {
				v.never("a page", v.send("GET /page"))
				time.Sleep(200 * time.Millisecond)
			}
			<-f.done
			leave()
			v.never("the link", f)
			if f := v.send("GET /page"); !withheld(f) {
				t.Errorf("a page later: %s", f.text())
			}
		})
	}
}

// TestAttack_H5_PageBesideLink: an undeclared link signs alice in with a redirect that takes
// its time. Pages beside it are checked from its headers on, and for a while after it.
func TestAttack_H5_PageBesideLink(t *testing.T) {
	attack(t, "slow redirect", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.begin(rw, r), "alice")
			http.Redirect(rw, r, "/page", http.StatusFound)
			_ = http.NewResponseController(rw).Flush()
			time.Sleep(3 * time.Second)
			return nil
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		f := v.start(t.Context(), "GET /magic?t=1")
		synctest.Wait()
		for range 30 {
			v.never("a page", v.send("GET /page"))
			time.Sleep(200 * time.Millisecond)
		}
		<-f.done
		v.never("the link", f)
	})
}

// TestAttack_C_SharedQuestion: a question of another request is in flight when a sign-in
// ends, and read the session before it. The sign-in's own question begins afterwards.
func TestAttack_C_SharedQuestion(t *testing.T) {
	attack(t, "slow whoami", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			err := w.shop.whoami(rw, r)
			time.Sleep(4 * time.Second)
			return err
		}
		w.shop.pages["/signin"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(2 * time.Second)
			w.shop.commit(r, w.shop.begin(rw, r), "alice")
			time.Sleep(time.Second)
			_, err := io.WriteString(rw, secret("alice"))
			return err
		}
		v := w.visitor()
		v.signIn("bob")
		v.send("GET /page")
		time.Sleep(time.Minute)
		signIn := v.start(t.Context(), "POST /signin user=alice")
		time.Sleep(5 * time.Second) // its first question is answered; alice is not signed in yet
		page := v.start(t.Context(), "GET /page")
		<-signIn.done
		<-page.done
		v.never("the sign-in", signIn)
		v.never("the page", page)
	})
}

// TestAttack_C_OldIdStaysAlive: a link signs alice in and renews the session's id, but the
// old id stays signed in, too. Answers that were kept for the old id are forgotten.
func TestAttack_C_OldIdStaysAlive(t *testing.T) {
	attack(t, "renewed id", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.id(r), "alice")
			w.shop.commit(r, "fresh", "alice")
			rw.Header().Add("Set-Cookie", "SID=fresh; Path=/")
			_, err := io.WriteString(rw, secret("alice"))
			return err
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		old := &visitor{w: w, cookies: slices.Clone(v.cookies), address: v.address}
		v.never("the link", v.send("GET /magic?t=1"))
		for range 30 {
			v.never("a page with the old id", old.send("GET /page"))
			v.never("a page", v.send("GET /page"))
			time.Sleep(time.Second)
		}
	})
}

// TestAttack_C_UnsafeIsAskedFreshly: an answer that was kept serves no unsafe request: it
// would act for a user who was signed in unnoticed.
func TestAttack_C_UnsafeIsAskedFreshly(t *testing.T) {
	attack(t, "transfer", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/transfer"] = func(rw http.ResponseWriter, r *http.Request) error {
			if user := w.shop.user(r); user == "alice" {
				t.Error("the portal acts for alice")
			}
			return nil
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		for id := range w.shop.users {
			w.shop.users[id] = "alice" // signed in by a way that the gate can't see
		}
		v.never("a form", v.send("POST /transfer to=mallory"))
	})
}

// TestAttack_H6_StreamBesideSignIn: a stream that was released for an own account, or for a
// stranger, runs on while alice is signed in in its session.
func TestAttack_H6_StreamBesideSignIn(t *testing.T) {
	for _, own := range []string{"", "bob"} {
		for _, contentType := range []string{"text/event-stream", "text/html"} {
			for _, slow := range []bool{false, true} {
				attack(t, fmt.Sprintf("own account %q, %s, slow sign-in %v", own, contentType, slow), func(t *testing.T) {
					streamBesideSignIn(t, own, contentType, slow)
				})
			}
		}
	}
}

func streamBesideSignIn(t *testing.T, own, contentType string, slow bool) {
	w := newWorld(t, nil)
	w.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
		rw.Header().Set("Content-Type", contentType)
		for range 300 {
			if _, err := io.WriteString(rw, secret(w.shop.user(r))+"\n"); err != nil {
				return err
			}
			_ = http.NewResponseController(rw).Flush()
			select {
			case <-time.After(100 * time.Millisecond):
			case <-r.Context().Done():
				return r.Context().Err()
			}
		}
		return nil
	}
	w.shop.pages["/signin"] = func(rw http.ResponseWriter, r *http.Request) error {
		w.shop.commit(r, w.shop.begin(rw, r), "alice")
		if slow {
			time.Sleep(5 * time.Second)
		}
		_, err := io.WriteString(rw, secret("alice"))
		return err
	}
	v := w.visitor()
	v.signIn(own)
	time.Sleep(5 * time.Second)
	f := v.start(t.Context(), "GET /events", "Accept: "+contentType)
	time.Sleep(3 * time.Second)
	if contentType == "text/event-stream" && !strings.Contains(f.text(), secret(own)) {
		t.Errorf("the stream does not run: %s", f.text())
	}
	v.never("the sign-in", v.send("POST /signin user=alice"))
	<-f.done
	v.never("the stream", f)
}

// TestAttack_H6_SlowPage: a page of an own account that was released in part, and is silent
// until the visit is settled again, does not go on for the user who signed in meanwhile.
func TestAttack_H6_SlowPage(t *testing.T) {
	for _, signIn := range []string{"POST /login.php user=alice", "GET /magic"} {
		attack(t, signIn, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				http.Redirect(rw, r, "/page", http.StatusFound)
				return nil
			}
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				for range 3 {
					if _, err := io.WriteString(rw, secret(w.shop.user(r))); err != nil {
						return err
					}
					_ = http.NewResponseController(rw).Flush()
					time.Sleep(20 * time.Second)
				}
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			f := v.start(t.Context(), "GET /slow")
			time.Sleep(5 * time.Second)
			if !strings.Contains(f.text(), secret("bob")) {
				t.Errorf("the page does not run: %s", f.text())
			}
			v.never("the sign-in", v.send(signIn))
			<-f.done
			v.never("the page", f)
		})
	}
}

// TestAttack_H7_SignInInsideFrame: alice is signed in inside a frame of an own account's
// WebSocket. The next page is asked about, although an answer was kept a moment before.
func TestAttack_H7_SignInInsideFrame(t *testing.T) {
	attack(t, "frame", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/socket"] = socket(w.shop)
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f := v.start(t.Context(), "GET /socket", "Connection: Upgrade", "Upgrade: websocket")
		synctest.Wait()
		if f.code() != http.StatusSwitchingProtocols {
			t.Fatal(f.text())
		}
		v.send("GET /page") // an answer is kept
		if n := w.shop.questions(func() { v.send("GET /page") }); n != 0 {
			t.Errorf("a settled visit asks %d times", n)
		}
		if _, err := io.WriteString(f.tunnel, "login alice\n"); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			page := v.send("GET /page")
			if v.never("a page", page); !withheld(page) {
				t.Errorf("a page: %s", page.text())
			}
			time.Sleep(time.Second)
		}
		f.tunnel.Close()
		<-f.done
		v.never("the tunnel", f)
	})
}

// socket is a WebSocket in which lines are commands.
func socket(s *shop) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := s.id(r)
		w.Header().Set("Upgrade", "websocket")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return err
		}
		defer conn.Close()
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			if user, ok := strings.CutPrefix(lines.Text(), "login "); ok {
				s.commit(r, id, user)
			}
		}
		return nil
	}
}

// TestAttack_G5_TunnelsForStrangers: only users who may pass get a tunnel, whatever the
// method and body of the request that asks for it, and however the portal hands it over.
func TestAttack_G5_TunnelsForStrangers(t *testing.T) {
	for _, line := range []string{"GET /socket?plain", "GET /socket", "HEAD /socket", "OPTIONS /socket", "POST /socket", "GET /socket body", "GET /socket.css"} {
		for _, headers := range []bool{true, false} {
			attack(t, fmt.Sprintf("%s, headers %v", line, headers), func(t *testing.T) {
				w := newWorld(t, nil)
				page := func(rw http.ResponseWriter, r *http.Request) error {
					if headers {
						return socket(w.shop)(rw, r)
					}
					conn, _, err := http.NewResponseController(rw).Hijack()
					if err == nil {
						conn.Close()
					}
					return nil
				}
				w.shop.pages["/socket"], w.shop.pages["/socket.css"] = page, page
				upgrade := []string{"Connection: Upgrade", "Upgrade: websocket"}
				if strings.HasSuffix(line, "?plain") {
					upgrade = nil
				}
				f := w.visitor().start(t.Context(), line, upgrade...)
				synctest.Wait()
				if f.tunnel != nil {
					f.tunnel.Close()
					t.Errorf("a stranger got a tunnel: %s", f.text())
				}
				<-f.done
			})
		}
	}
}

// TestCheck_BesideHandler: a handler may change its request while portions of its response
// are checked. Questions do not read the request then: a map that is read and written at once
// ends the server.
func TestCheck_BesideHandler(t *testing.T) {
	for _, passes := range []bool{false, true} {
		attack(t, fmt.Sprint("passes at first: ", passes), func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				for i := range 40 {
					_, _ = io.WriteString(rw, "part ")
					r.Header.Set("X-Handler", fmt.Sprint(i))
					time.Sleep(100 * time.Millisecond)
					r.Header.Del("X-Handler")
				}
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			if !passes {
				v.send("POST /page x=1")
			}
			f := v.start(t.Context(), "GET /slow")
			synctest.Wait()
			if passes {
				v.send("POST /page x=1")
			}
			n := w.shop.questions(func() { <-f.done })
			if n == 0 || f.code() != http.StatusOK {
				t.Errorf("%d questions, %s", n, f.text())
			}
			for _, h := range w.shop.got {
				if h.Get("X-Handler") != "" {
					t.Error("a question has what a handler behind set")
					break
				}
			}
		})
	}
}

// TestTunnels_AskedBesideChecks: an event stream is asked about every recheck, and its
// portions are checked while other requests of its visit may sign a user in, all at once.
func TestTunnels_AskedBesideChecks(t *testing.T) {
	attack(t, "stream", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Recheck = time.Second })
		refreshing(w)
		w.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Content-Type", "text/event-stream")
			for range 100 {
				if _, err := io.WriteString(rw, secret(w.shop.user(r))); err != nil {
					return err
				}
				time.Sleep(100 * time.Millisecond)
			}
			return nil
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		f := v.start(t.Context(), "GET /events", "Accept: text/event-stream")
		for range 100 {
			w.g.Visits.Tunnels.AskDue(time.Now())
			v.start(t.Context(), "POST /page x=1")
			time.Sleep(100 * time.Millisecond)
		}
		<-f.done
		if f.aborted || strings.Count(f.text(), secret("bob")) != 100 {
			t.Errorf("aborted %v: %s", f.aborted, f.text())
		}
	})
}
