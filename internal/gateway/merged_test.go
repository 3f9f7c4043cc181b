package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// TestOwner_TunnelAfterSessionsEnded: bob once ended all his sessions, as by turning his second
// factor off. A page of today's session gives it another id, or sets its cookie once more, as
// portals do that let it live longer with each page. A tunnel of the session goes on.
func TestOwner_TunnelAfterSessionsEnded(t *testing.T) {
	for _, how := range []string{"renew", "extend", "extend, never ended"} {
		attack(t, how, func(t *testing.T) {
			ended := !strings.Contains(how, "never")
			w := newWorld(t, func(o *gateway.Options) {
				if ended {
					key := store.UserKey{Realm: "shop", ID: "bob"}
					o.Store.(*memory).users[key] = store.User{Key: key, SessionsEnded: time.Now().Add(-24 * time.Hour)}
				}
			})
			w.shop.pages["/socket"] = framed(w.shop)
			w.shop.pages["/renew"] = renews(w.shop, false)
			w.shop.pages["/extend"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Set("Set-Cookie", "SID="+w.shop.id(r)+w.shop.attributes)
				return nil
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
			synctest.Wait()
			time.Sleep(30 * time.Second)
			page, _, _ := strings.Cut(how, ",")
			v.send("GET /" + page)
			w.idle(3 * time.Minute)
			if !f.open() {
				t.Error("the tunnel was closed")
			}
			f.tunnel.Close()
			<-f.done
		})
	}
}

// TestAttack_OldSessionThatOutlivesTheBrowser: as TestAttack_L5_OldSessionLivesOn, at a portal
// whose session outlives the browser and which sets a token against forged forms that does not.
func TestAttack_OldSessionThatOutlivesTheBrowser(t *testing.T) {
	for _, how := range []string{"late", "slow", "link", "late, no token"} {
		attack(t, how, func(t *testing.T) {
			how, token, _ := strings.Cut(how, ", ")
			w := newWorld(t, nil)
			w.shop.attributes = "; Path=/; Max-Age=1209600"
			w.shop.pages["/socket"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.WriteHeader(http.StatusSwitchingProtocols)
				c, _, err := http.NewResponseController(rw).Hijack()
				if err != nil {
					return err
				}
				defer c.Close()
				for r.Context().Err() == nil {
					time.Sleep(time.Second)
					if _, err := io.WriteString(c, "news for "+secret(w.shop.user(r))+"\n"); err != nil {
						return err
					}
				}
				return nil
			}
			n := 0
			w.shop.pages["/renew"] = func(rw http.ResponseWriter, r *http.Request) error {
				err := renews(w.shop, true)(rw, r)
				if n++; token != "" {
					return err
				}
				rw.Header().Add("Set-Cookie", fmt.Sprintf("csrf=%d; Path=/", n))
				return err
			}
			w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				time.AfterFunc(time.Second, func() { w.shop.commit(r, id, "alice") })
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				time.Sleep(10 * time.Second)
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			v.send("GET /renew")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			old := w.visitor()
			old.cookies = slices.Clone(v.cookies)
			f := v.start(t.Context(), "GET /socket", "Upgrade: websocket", "Connection: Upgrade")
			synctest.Wait()
			v.send("GET /renew")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			var in *flight
			if how == "late" {
				in = old.send("POST /late user=alice")
			} else if how == "slow" {
				in = old.start(t.Context(), "POST /slow user=alice")
			} else {
				in = old.start(t.Context(), "GET /slow")
			}
			for range 80 {
				v.send("GET /page")
				w.idle(5 * time.Second)
			}
			<-in.done
			v.never("the sign-in", in)
			if got := f.text(); strings.Contains(got, secret("alice")) {
				t.Errorf("the tunnel showed alice's %d times", strings.Count(got, secret("alice")))
			}
			f.tunnel.Close()
			<-f.done
		})
	}
}

// TestAttack_DescribedMutations: a document whose operation has a description (GraphQL,
// September 2025, 2.4) signs alice in, and then bob.
func TestAttack_DescribedMutations(t *testing.T) {
	for name, query := range map[string]string{
		"plain":       `mutation{x: login(user:\"alice\") login(user:\"bob\")}`,
		"description": `\"sign in\" mutation{x: login(user:\"alice\") login(user:\"bob\")}`,
		"block":       `\"\"\"sign in\"\"\" mutation{x: login(user:\"alice\") login(user:\"bob\")}`,
		"nested":      `mutation{auth{x: login(user:\"alice\") login(user:\"bob\")}}`,
		"query":       `{x: login(user:\"alice\") login(user:\"bob\")}`,
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn = paths{"/graphql"} })
			w.shop.pages["/graphql"] = graphQL(w.shop, false)
			v := w.visitor()
			v.never(query, v.send(`POST /graphql {"query":"`+query+`"}`, "Content-Type: application/json"))
		})
	}
}

// TestAttack_FirstAnswerCounts: the first question about bob's declared sign-in as alice names
// her. The second one, a moment later, names bob again, whom a link has signed in meanwhile:
// the response is alice's all the same.
func TestAttack_FirstAnswerCounts(t *testing.T) {
	attack(t, "link", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
		})
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(200 * time.Millisecond)
			w.shop.commit(r, w.shop.begin(rw, r), r.FormValue("user"))
			_, err := io.WriteString(rw, "welcome "+secret(w.shop.user(r)))
			return err
		}
		w.shop.pages["/hop"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Set("Location", "/page")
			rw.WriteHeader(http.StatusFound)
			return nil
		}
		w.shop.pages["/link"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(250 * time.Millisecond)
			w.shop.commit(r, w.shop.id(r), "bob")
			return nil
		}
		v := w.visitor()
		v.send("POST /enter user=bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		in := v.start(t.Context(), "POST /enter user=alice")
		time.Sleep(50 * time.Millisecond)
		v.start(t.Context(), "GET /hop")
		v.start(t.Context(), "GET /link") // it signs bob in after the first question has named alice
		<-in.done
		v.never("the sign-in", in)
	})
}

// TestOwner_ServerActionSignsIn: a portal whose sign-in takes its arguments as a JSON array, as
// the server actions of Next.js do, is no batch.
func TestOwner_ServerActionSignsIn(t *testing.T) {
	attack(t, "array", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn = paths{"/enter"} })
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.begin(rw, r), "bob")
			return nil
		}
		v := w.visitor()
		f := v.send(`POST /enter [{"user":"bob","password":"p"}]`, "Content-Type: text/plain;charset=UTF-8", "Next-Action: 7f3a")
		if f.code() != http.StatusOK {
			t.Error(f.text())
		}
	})
}

// trickle is a body that arrives in pieces, one every ten seconds.
type trickle struct{ left int }

func (b *trickle) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	b.left--
	time.Sleep(10 * time.Second)
	return copy(p, "piece"), nil
}

// TestOwner_LongUpload: alice passed, and sends a file that takes longer to arrive than a
// session may be idle. It is not idle meanwhile: the file reaches the portal.
func TestOwner_LongUpload(t *testing.T) {
	for name, took := range map[string]time.Duration{"29 minutes": 29 * time.Minute, "31 minutes": 31 * time.Minute} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			saved := false
			w.shop.pages["/upload"] = func(rw http.ResponseWriter, r *http.Request) error {
				_, err := io.Copy(io.Discard, r.Body)
				saved = true
				return err
			}
			v := w.visitor()
			v.signIn("alice")
			v.pass("alice", "SID=x; Path=/")
			if f := v.send("GET /page"); !strings.Contains(f.text(), secret("alice")) {
				t.Fatalf("alice passed: %s", f.text())
			}
			time.Sleep(time.Second)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/upload", &trickle{int(took / (10 * time.Second))})
			r.Header.Set("Content-Type", "application/octet-stream")
			r.Header.Set("Sec-Fetch-Mode", "cors")
			for _, c := range v.cookies {
				r.AddCookie(c)
			}
			asked := *r.URL
			f := &flight{done: make(chan struct{}), header: make(http.Header)}
			f.serve(w, r, gateway.Client{Address: v.address, URL: &asked})
			if !saved {
				t.Errorf("the file was lost: %s", f.text())
			}
		})
	}
}

// TestOwner_StreamKeepsNoOldAddress: bob has a stream open and changes his e-mail address in the
// portal. His record has the new one from his next page on, and for good.
func TestOwner_StreamKeepsNoOldAddress(t *testing.T) {
	attack(t, "stream", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			q, err := whoami.Compile(config.Whoami{
				URI: "/me", Anonymous: []config.Sign{{Status: []int{401}}}, User: &config.Extractor{JSON: "user"}, Email: &config.Extractor{JSON: "email"},
			})
			if err != nil {
				t.Fatal(err)
			}
			o.Asker.Questions = o.Asker.Questions[:0]
			o.Asker.Questions = append(o.Asker.Questions, q)
		})
		email := "old@example.com"
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			user := w.shop.user(r)
			if user == "" {
				rw.WriteHeader(http.StatusUnauthorized)
				return nil
			}
			_, err := fmt.Fprintf(rw, `{"user":%q,"email":%q}`, user, email)
			return err
		}
		w.shop.pages["/news"] = endless(w.shop, "application/x-ndjson", 0)
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		v.open("GET /news")
		time.Sleep(10 * time.Second)
		email = "new@example.com"
		record := func() string {
			u, err := w.g.Store.User(t.Context(), store.UserKey{Realm: "shop", ID: "bob"})
			if err != nil {
				t.Error(err)
			}
			return u.Email
		}
		time.Sleep(2 * time.Minute)
		v.send("GET /page")
		if got := record(); got != email {
			t.Fatalf("after the next page: %s", got)
		}
		time.Sleep(2 * time.Minute)
		if got := record(); got != email {
			t.Errorf("two minutes later, without another page: %s", got)
		}
	})
}

// TestAttack_EndlessOverEndOfSessions: a thief with the password of bob, who has no factor,
// opened a response that has no end. Staff end all of bob's sessions: it ends, too, whatever its
// media type is.
func TestAttack_EndlessOverEndOfSessions(t *testing.T) {
	for _, contentType := range []string{"text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace; boundary=x"} {
		attack(t, contentType, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/news"] = endless(w.shop, contentType, 0)
			v := w.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			f := v.open("GET /news")
			time.Sleep(3 * time.Second)
			if !strings.Contains(f.text(), secret("bob")) {
				t.Fatal(f.text())
			}
			key := store.UserKey{Realm: "shop", ID: "bob"}
			err := w.g.Store.Update(t.Context(), key, func(tx store.Tx) error { // as factor.Service.EndVisits does
				u, err := tx.User()
				if err != nil {
					return err
				}
				if _, err = session.EndAll(tx, &u, time.Now()); err != nil {
					return err
				}
				return tx.PutUser(u)
			})
			if err != nil {
				t.Fatal(err)
			}
			w.g.Visits.EndUser(key)
			time.Sleep(5 * time.Second)
			if page := v.send("GET /page"); strings.Contains(page.text(), secret("bob")) {
				t.Errorf("a page: %s", page.text())
			}
			if goesOn(f) {
				t.Error("the response goes on")
			}
		})
	}
}

// TestOwner_SlowPageOverRenewal: while a slow page of alice, who passed, is on its way, a form of
// hers has the portal renew the session and forget its old id. Her clearance does not end with
// that page.
func TestOwner_SlowPageOverRenewal(t *testing.T) {
	for _, lives := range []bool{true, false} {
		attack(t, fmt.Sprint("old id lives on ", lives), func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.pages["/change"] = renews(w.shop, lives)
			w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
				user := w.shop.user(r)
				time.Sleep(3 * time.Second)
				_, err := io.WriteString(rw, "page "+secret(user))
				return err
			}
			v := w.visitor()
			v.signIn("alice")
			v.pass("alice", "SID=x; Path=/")
			time.Sleep(5 * time.Second)
			v.send("GET /page")
			f := v.start(t.Context(), "GET /slow")
			time.Sleep(time.Second)
			if f := v.send("POST /change x=1"); f.code() != http.StatusOK {
				t.Fatalf("the form: %s", f.text())
			}
			if page := v.send("GET /page"); !strings.Contains(page.text(), secret("alice")) {
				t.Fatalf("after the form: %s", page.text())
			}
			<-f.done
			v.take(f)
			if page := v.send("GET /page"); !strings.Contains(page.text(), secret("alice")) {
				t.Errorf("after the slow page: %s", page.text())
			}
		})
	}
}
