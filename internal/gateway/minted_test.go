package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
)

// TestAttack_L1_MintedIsUnsettled: a declared sign-in that comes without a visit begins one.
// The portal commits it within settle after its response. What that visit asks for is
// checked under `watch unsafe` too, whatever headers the sign-in had.
func TestAttack_L1_MintedIsUnsettled(t *testing.T) {
	for name, headers := range map[string][]string{
		"ordinary headers":  nil,
		"an unusual header": {"X-Client: web"},
	} {
		for _, unsafe := range []bool{false, true} {
			attack(t, name+map[bool]string{true: ", watch unsafe"}[unsafe], func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					o.WatchUnsafe, o.Rules.SignIn, o.Rules.Fields = unsafe, paths{"/late"}, []string{"user"}
				})
				w.shop.pages["/late"] = w.shop.late(1000 * time.Millisecond)
				v := w.visitor()
				v.never("the sign-in", v.send("POST /late user=alice", headers...))
				for range 20 {
					v.never("a page", v.send("GET /page"))
					time.Sleep(100 * time.Millisecond)
				}
				v.never("a page later", v.send("GET /page"))
			})
		}
	}
}

// TestAttack_L1_MintedSignInWaits: the next sign-in of the visit waits for the one that began
// it, which is saved late. Else the second overwrites the first after a page was rendered for
// it, and the question about that page names the second.
func TestAttack_L1_MintedSignInWaits(t *testing.T) {
	for name, headers := range map[string][]string{
		"ordinary headers":  nil,
		"an unusual header": {"X-Client: web"},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.Fields = paths{"/late"}, []string{"user"}
			})
			w.shop.pages["/late"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				user := r.FormValue("user")
				time.AfterFunc(time.Second, func() { w.shop.commit(r, id, user) })
				_, err := io.WriteString(rw, "welcome")
				return err
			}
			w.shop.pages["/report"] = func(rw http.ResponseWriter, r *http.Request) error {
				_, err := io.WriteString(rw, "report "+secret(w.shop.user(r)))
				time.Sleep(300 * time.Millisecond)
				return err
			}
			v := w.visitor()
			v.never("the sign-in", v.send("POST /late user=alice", headers...))
			bob := v.start(t.Context(), "POST /late user=bob")
			time.Sleep(810 * time.Millisecond) // alice is signed in since 60 ms, bob will be in 190
			v.never("a page beside", v.send("GET /report"))
			<-bob.done
			v.never("the second sign-in", bob)
		})
	}
}

// TestAttack_L1_MintedFormActs: a form of the visit that a late sign-in began is not sent on
// as a stranger's for longer than settle.
func TestAttack_L1_MintedFormActs(t *testing.T) {
	for name, headers := range map[string][]string{
		"ordinary headers":  nil,
		"an unusual header": {"X-Client: web"},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.WatchUnsafe, o.Rules.SignIn, o.Rules.Fields = true, paths{"/late"}, []string{"user"}
			})
			w.shop.pages["/late"] = w.shop.late(time.Second)
			acted := ""
			w.shop.pages["/transfer"] = func(rw http.ResponseWriter, r *http.Request) error {
				acted += w.shop.user(r)
				return nil
			}
			v := w.visitor()
			v.send("POST /late user=alice", headers...)
			v.send("GET /page")
			time.Sleep(30 * time.Second)
			if v.send("POST /transfer to=mallory"); acted != "" {
				t.Errorf("a form was carried out as %s, 30 s after the sign-in", acted)
			}
		})
	}
}

// TestAttack_L1_ReloadedFormIsUnsettled: the same, where the question about the sign-in sets
// another cookie and the browser is sent to the form once more.
func TestAttack_L1_ReloadedFormIsUnsettled(t *testing.T) {
	for name, headers := range map[string][]string{
		"ordinary headers":  {"Sec-Fetch-Mode: navigate"},
		"an unusual header": {"Sec-Fetch-Mode: navigate", "X-Client: web"},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.WatchUnsafe, o.Rules.SignIn, o.Rules.Fields = true, paths{"/late"}, []string{"user"}
				o.Rules.Forms, o.Rules.SignInPage = []string{"/form"}, "/form"
			})
			w.shop.pages["/late"] = w.shop.late(1000 * time.Millisecond)
			seen := 0
			w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
				seen++
				rw.Header().Add("Set-Cookie", "last_seen="+string(rune('a'+seen))+"; Path=/")
				return w.shop.whoami(rw, r)
			}
			v := w.visitor()
			f := v.send("POST /late user=alice", headers...)
			if f.code() != http.StatusSeeOther {
				t.Fatal(f.text())
			}
			v.never("the sign-in", f)
			for range 20 {
				v.never("a page", v.send("GET /page"))
				time.Sleep(100 * time.Millisecond)
			}
			v.never("a page later", v.send("GET /page"))
		})
	}
}

// TestAttack_L1_FirstStreamSavesStaleSession: as TestAttack_G3_StreamSavesStaleSession, where
// the stream is the first request of all and begins the visit.
func TestAttack_L1_FirstStreamSavesStaleSession(t *testing.T) {
	for _, typ := range []string{"text/event-stream", "text/plain"} {
		for name, headers := range map[string][]string{"ordinary headers": nil, "an unusual header": {"X-Client: web"}} {
			for _, declared := range []bool{true, false} {
				attack(t, fmt.Sprint(typ, ", ", name, ", declared ", declared), func(t *testing.T) {
					w := newWorld(t, func(o *gateway.Options) {
						if declared {
							o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
						}
					})
					end := make(chan bool)
					w.shop.pages["/events"] = w.shop.staleStream(typ, end)
					w.shop.pages["/enter"] = w.shop.slowEnter
					v := w.visitor()
					f := v.start(t.Context(), "GET /events", headers...)
					time.Sleep(25 * time.Second)
					synctest.Wait()
					if f.code() != 200 {
						t.Fatal(f.text())
					}
					v.take(f)
					post := v.start(t.Context(), "POST /enter user=alice")
					time.Sleep(500 * time.Millisecond)
					close(end)
					<-f.done
					<-post.done
					v.never("the sign-in", post)
				})
			}
		}
	}
}

// TestAttack_L1_MintedBesideNameless: sessions are named by a header. A page that began in
// the nameless visit of that header starts a visit and goes on in it; a sign-in that carries
// the header and no cookie changes its user.
func TestAttack_L1_MintedBesideNameless(t *testing.T) {
	attack(t, "follows its session", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Headers = portal.NewHeaders([]string{"X-Key"})
			o.Asker.Headers = o.Headers
			o.Rules.SignIn = paths{"/enter"}
		})
		var mu sync.Mutex
		user := "bob"
		is := func() string {
			mu.Lock()
			defer mu.Unlock()
			return user
		}
		w.shop.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error {
			_, err := fmt.Fprintf(rw, `{"user":%q}`, is())
			return err
		}
		w.shop.pages["/enter"] = func(http.ResponseWriter, *http.Request) error {
			mu.Lock()
			defer mu.Unlock()
			user = "alice"
			return nil
		}
		w.shop.pages["/long"] = func(rw http.ResponseWriter, r *http.Request) error {
			for range 30 {
				if _, err := io.WriteString(rw, "page "+secret(is())); err != nil {
					return err
				}
				_ = http.NewResponseController(rw).Flush()
				time.Sleep(500 * time.Millisecond)
			}
			return nil
		}
		page := w.visitor().start(t.Context(), "GET /long", "X-Key: k", "Sec-Fetch-Mode: navigate")
		time.Sleep(3 * time.Second)
		v := w.visitor()
		v.never("the sign-in", v.send("POST /enter user=alice", "X-Key: k"))
		<-page.done
		v.never("the page", page)
	})
}
