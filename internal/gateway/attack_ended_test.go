package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/userpages"
)

// endings is a world in which users' sessions can be ended. committing is how long the
// transaction of that takes.
type endings struct {
	*world
	st         *memory
	committing time.Duration
}

func newEndings(t *testing.T, change func(*gateway.Options)) *endings {
	t.Helper()
	e := &endings{st: newMemory("alice")}
	e.world = newWorld(t, func(o *gateway.Options) {
		o.Store = slowCommit{e.st, &e.committing}
		o.Visits = gateway.NewVisits(o.Store, time.Now)
		if change != nil {
			change(o)
		}
	})
	return e
}

// slowCommit is a store in which changes are seen a while after they were computed.
type slowCommit struct {
	*memory
	takes *time.Duration
}

func (s slowCommit) Update(_ context.Context, key store.UserKey, fn func(store.Tx) error) error {
	s.mu.Lock()
	t := s.begin(key)
	s.mu.Unlock()
	err := fn(t)
	time.Sleep(*s.takes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.users, s.visits = t.users, t.visits
	}
	return err
}

// endAll is what staff do, or the user from another browser.
func (e *endings) endAll(user string) {
	e.t.Helper()
	key := store.UserKey{Realm: "shop", ID: user}
	var ended []store.VisitID
	err := slowCommit{e.st, &e.committing}.Update(e.t.Context(), key, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		if ended, err = session.EndAll(tx, &u, time.Now()); err != nil {
			return err
		}
		return tx.PutUser(u)
	})
	if err != nil {
		e.t.Error(err)
	}
	e.g.Visits.EndUser(key, ended...)
}

// clear gives the visitor's visit a clearance.
func (e *endings) clear(v *visitor, user string) {
	e.t.Helper()
	name := portal.NamesFor("shop", false).Visit
	at := slices.IndexFunc(v.cookies, func(c *http.Cookie) bool { return c.Name == name })
	if at < 0 {
		e.t.Fatalf("no cookie %s: %v", name, v.cookies)
	}
	id, now := session.Token(v.cookies[at].Value).ID(), time.Now()
	e.st.mu.Lock()
	e.st.visits[id] = store.Visit{Realm: "shop", ID: id, User: user, Factor: "totp", At: now, LastSeen: now, Expires: now.Add(12 * time.Hour)}
	e.st.mu.Unlock()
	e.g.Visits.Forget("shop", id)
}

func (v *visitor) copy() *visitor {
	return &visitor{w: v.w, cookies: slices.Clone(v.cookies), address: "192.0.2.66"}
}

// wantStranger wants the page of the user who is not signed in.
func (e *endings) wantStranger(what string, v *visitor, headers ...string) {
	e.t.Helper()
	if f := v.send("GET /page", headers...); f.code() != http.StatusOK || !strings.Contains(f.text(), secret("")) {
		e.t.Errorf("%s: %s; want a stranger's page", what, f.text())
	}
}

func (e *endings) wantPage(what string, v *visitor, user string) {
	e.t.Helper()
	if f := v.send("GET /page"); f.code() != http.StatusOK || !strings.Contains(f.text(), secret(user)) {
		e.t.Errorf("%s: %s; want the page of %s", what, f.text(), user)
	}
}

// renewing makes the portal set its session cookie with every response, or with whoami's.
func (s *shop) renewing(names ...string) {
	for _, name := range names {
		s.pages[name] = func(w http.ResponseWriter, r *http.Request) error {
			if id := s.id(r); id != "" {
				w.Header().Add("Set-Cookie", "SID="+id+s.attributes)
			}
			if name == "/me" {
				return s.whoami(w, r)
			}
			_, err := io.WriteString(w, "page "+secret(s.user(r)))
			return err
		}
	}
}

// TestAttack_J8_PasswordOnly: a browser that is signed in with the password alone is signed
// out when the sessions of its user end, also where the portal renews its cookie with each
// response; a copy of its cookies is worth nothing either, and the password lets it in again.
func TestAttack_J8_PasswordOnly(t *testing.T) {
	for name, renewed := range map[string][]string{"set once": nil, "set with pages": {"/page"}, "set by whoami": {"/me"}, "always set": {"/me", "/page"}} {
		for _, first := range []string{"GET /page", "GET /style.css", "POST /page a=b"} {
			attack(t, name+", "+first, func(t *testing.T) {
				e := newEndings(t, nil)
				e.shop.renewing(renewed...)
				v := e.visitor()
				v.signIn("bob")
				time.Sleep(5 * time.Second)
				e.wantPage("before", v, "bob")
				stolen := v.copy()
				e.endAll("bob")
				if f := v.send(first); strings.Contains(f.text(), secret("bob")) {
					t.Errorf("%s: %s", first, f.text())
				}
				e.wantStranger("afterwards", v)
				for range 4 {
					e.wantStranger("a copy", stolen.copy())
					time.Sleep(61 * time.Second) // kept answers are too old now
				}
				if len(v.cookies) != 1 {
					t.Errorf("the browser keeps more than its visit: %v", v.cookies)
				}
				v.signIn("bob")
				e.wantPage("signed in again", v, "bob")
				time.Sleep(5 * time.Second)
				e.wantPage("later", v, "bob")
				if e.logs.FilterMessage("cookies of an ended session were dropped").Len() == 0 {
					t.Error("the log does not say so")
				}
			})
		}
	}
}

// TestAttack_J8_InFlight: requests that read the user's record before the end of the sessions
// is committed, and seal what the portal sets after it was computed, keep no user signed in.
func TestAttack_J8_InFlight(t *testing.T) {
	attack(t, "polling", func(t *testing.T) {
		e := newEndings(t, nil)
		e.shop.renewing("/page", "/me")
		v := e.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		e.committing = 500 * time.Millisecond
		ended := make(chan bool)
		go func() { e.endAll("bob"); close(ended) }()
		for range 100 {
			v.send("GET /page")
			time.Sleep(10 * time.Millisecond)
		}
		<-ended
		e.wantStranger("afterwards", v)
		time.Sleep(time.Hour)
		e.wantStranger("an hour later", v)
	})
}

// TestAttack_J8_BegunBefore: a session that began before the sessions of a user ended, and in
// which the user then signs in, is worth nothing where the portal keeps its id; a further
// sign-in is all that it takes.
func TestAttack_J8_BegunBefore(t *testing.T) {
	attack(t, "not renewed", func(t *testing.T) {
		e := newEndings(t, nil)
		e.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { e.shop.begin(rw, r); return nil }
		e.visitor().signIn("bob") // the user is known
		v := e.visitor()
		v.send("GET /cart")
		e.endAll("bob")
		time.Sleep(time.Minute)
		v.signIn("bob")
		e.wantStranger("the first time", v)
		v.signIn("bob")
		e.wantPage("the second time", v, "bob")
	})
	attack(t, "within the margin", func(t *testing.T) {
		e := newEndings(t, nil)
		v := e.visitor()
		v.signIn("bob")
		e.endAll("bob")
		v.signIn("bob") // what was signed in is known to be over
		e.wantPage("the same browser", v, "bob")
		time.Sleep(time.Hour)
		e.wantPage("the same browser later", v, "bob")
		e.endAll("bob")
		other := e.visitor()
		other.signIn("bob")
		e.wantStranger("another browser", other)
		time.Sleep(session.EndMargin)
		other.signIn("bob")
		e.wantPage("another browser, the second time", other, "bob")
	})
}

// TestAttack_J8_Cleared: the session of a visit with a clearance ends, alone or with all of
// its user's, and the browser is a stranger at once: no request is sent back,
// as after a rotation of the token, none is refused, its cookies are deleted, and a copy of them
// opens nothing.
func TestAttack_J8_Cleared(t *testing.T) {
	navigation := []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", "Accept: text/html"}
	for name, end := range map[string]func(e *endings, id store.VisitID){
		"all": func(e *endings, _ store.VisitID) { e.endAll("alice") },
		"this": func(e *endings, id store.VisitID) {
			err := e.st.Update(e.t.Context(), store.UserKey{Realm: "shop", ID: "alice"}, func(tx store.Tx) error {
				return session.End(tx, "shop", id, time.Now())
			})
			if err != nil {
				e.t.Error(err)
			}
			e.g.Visits.End("shop", id)
		},
	} {
		for kind, headers := range map[string][]string{"a page": navigation, "a script": nil} {
			attack(t, name+", "+kind, func(t *testing.T) {
				e := newEndings(t, nil)
				v := e.visitor()
				v.signIn("alice")
				e.clear(v, "alice")
				time.Sleep(5 * time.Second)
				e.wantPage("cleared", v, "alice")
				stolen := v.copy()
				var id store.VisitID
				for id = range e.st.visits {
				}
				end(e, id)
				e.wantStranger("at once", v, headers...)
				e.wantStranger("again", v, headers...)
				e.wantStranger("a copy", stolen.copy(), headers...)
				v.never("a copy's form", stolen.copy().send("POST /page a=b", headers...))
				// Without the factor the cookies are worth no more.
				e.st.mu.Lock()
				u := e.st.users[store.UserKey{Realm: "shop", ID: "alice"}]
				u.TOTP = nil
				e.st.users[u.Key] = u
				e.st.mu.Unlock()
				time.Sleep(time.Minute)
				e.wantStranger("a copy, with the factor off", stolen, headers...)
				if v.signIn("alice"); kind == "a page" {
					e.wantPage("signed in again", v, "alice")
				}
			})
		}
	}
}

// TestAttack_J8_Streams: a stream of a user without a clearance ends with the sessions; one
// that was opened by a request which had read the record before ends when it is asked about.
func TestAttack_J8_Streams(t *testing.T) {
	for _, told := range []bool{true, false} {
		attack(t, fmt.Sprint("at once ", told), func(t *testing.T) {
			e := newEndings(t, nil)
			e.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(rw, "data: one\n\n")
				_ = http.NewResponseController(rw).Flush()
				<-r.Context().Done()
				return r.Context().Err()
			}
			v := e.visitor()
			v.signIn("bob")
			time.Sleep(5 * time.Second)
			ctx, stop := context.WithCancel(t.Context())
			go e.g.Visits.Run(ctx, func(error) {})
			f := v.start(ctx, "GET /events", "Accept: text/event-stream")
			synctest.Wait()
			if told {
				e.endAll("bob")
			} else {
				key := store.UserKey{Realm: "shop", ID: "bob"}
				e.st.mu.Lock()
				u := e.st.users[key]
				u.SessionsEnded = time.Now().Add(session.EndMargin)
				e.st.users[key] = u
				e.st.mu.Unlock()
				time.Sleep(2 * time.Minute)
			}
			synctest.Wait()
			select {
			case <-f.done:
			default:
				t.Error("the stream goes on")
			}
			stop()
			<-f.done
		})
	}
}

// TestAttack_J8_CodeInFlight: a right code that is given at the very moment at which the user's
// sessions end opens nothing: the password was given before.
func TestAttack_J8_CodeInFlight(t *testing.T) {
	attack(t, "challenge", func(t *testing.T) {
		var e *endings
		codes := &givenCodes{}
		e = newEndings(t, func(o *gateway.Options) {
			ring, err := keys.Parse(keys.Generate())
			if err != nil {
				t.Fatal(err)
			}
			o.State, err = userpages.NewState("shop", ring.Derive("web mac", 32), ring.Derive("web cookie", 32), time.Now)
			if err != nil {
				t.Fatal(err)
			}
			o.Pages, err = userpages.New(userpages.Options{Path: "/two-factor", Realm: "shop", Factors: codes, Store: o.Store, State: o.State, Clock: time.Now})
			if err != nil {
				t.Fatal(err)
			}
			codes.store = o.Store
		})
		for _, ends := range []bool{true, false} {
			v := e.visitor()
			v.signIn("alice")
			time.Sleep(5 * time.Second)
			codes.meanwhile = func() {
				if ends {
					e.endAll("alice")
				}
			}
			f := v.send("POST /two-factor/challenge code=123456", "Sec-Fetch-Site: same-origin")
			if opened := f.code() == http.StatusSeeOther; opened == ends {
				t.Errorf("ended %v: %s", ends, f.text())
			}
			time.Sleep(2 * time.Second)
			if f := v.send("GET /page"); strings.Contains(f.text(), secret("alice")) == ends {
				t.Errorf("ended %v: %s", ends, f.text())
			}
		}
	})
}

// givenCodes accepts every code, after something else has happened.
type givenCodes struct {
	userpages.Factors
	store     store.Store
	meanwhile func()
}

func (g *givenCodes) Spend(ctx context.Context, a factor.Attempt, then factor.Then) (factor.Accepted, error) {
	g.meanwhile()
	return factor.Accepted{}, g.store.Update(ctx, store.UserKey{Realm: "shop", ID: a.User}, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		return then(tx, &u, factor.Accepted{Kind: "totp"})
	})
}
