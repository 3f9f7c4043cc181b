package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/gateway/spool"
	"github.com/secondgate/secondgate/internal/store"
)

// TestAttack_H2_LinkOverwrites: in a stranger's visit an undeclared link signs an own account
// in late, over a sign-in with a page that was rendered before.
func TestAttack_H2_LinkOverwrites(t *testing.T) {
	for _, status := range []int{302} {
		attack(t, fmt.Sprint(status), func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"} })
			w.shop.pages["/magic"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				time.AfterFunc(1500*time.Millisecond, func() { w.shop.commit(r, id, "bob") })
				rw.Header().Set("Location", "/page")
				rw.WriteHeader(status)
				return nil
			}
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				time.Sleep(300 * time.Millisecond)
				_, err := io.WriteString(rw, secret("alice"))
				return err
			}
			w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
			v := w.visitor()
			v.send("GET /cart")
			time.Sleep(5 * time.Second)
			v.send("GET /magic?token=bob")
			time.Sleep(1350 * time.Millisecond)
			v.never("the sign-in", v.send("POST /enter user=alice"))
		})
	}
}

// TestAttack_G3_RestlessForLong: a sign-in waits for all requests that may still overwrite it.
func TestAttack_G3_RestlessForLong(t *testing.T) {
	attack(t, "links", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"} })
		w.shop.pages["/switch"] = func(rw http.ResponseWriter, r *http.Request) error {
			id := w.shop.begin(rw, r)
			time.AfterFunc(1900*time.Millisecond, func() { w.shop.commit(r, id, "bob") })
			rw.Header().Set("Location", "/page")
			rw.WriteHeader(http.StatusFound)
			return nil
		}
		w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.begin(rw, r), "alice")
			time.Sleep(300 * time.Millisecond)
			_, err := io.WriteString(rw, secret("alice"))
			return err
		}
		v := w.visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /switch")
		f := v.start(t.Context(), "POST /enter user=alice")
		for range 8 {
			time.Sleep(500 * time.Millisecond)
			v.send("GET /switch")
		}
		<-f.done
		v.never("the sign-in", f)
	})
}

// TestAttack_G3_StreamSavesStaleSession: a stream that was released before a sign-in writes its
// session back when it ends, as portals do that save sessions whole, and so signs out again.
func TestAttack_G3_StreamSavesStaleSession(t *testing.T) {
	for _, typ := range []string{"text/event-stream", "text/plain"} {
		for _, declared := range []bool{true, false} {
			attack(t, fmt.Sprint(typ, " declared ", declared), func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					if declared {
						o.Rules.SignIn, o.Rules.Fields = paths{"/enter"}, []string{"user"}
					}
				})
				end := make(chan bool)
				w.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
					id := w.shop.begin(rw, r)
					rw.Header().Set("Content-Type", typ)
					_, _ = io.WriteString(rw, "data: one\n\n")
					_ = http.NewResponseController(rw).Flush()
					<-end
					w.shop.commit(r, id, "")
					return nil
				}
				w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
					w.shop.commit(r, w.shop.begin(rw, r), "alice")
					_, err := io.WriteString(rw, secret("alice"))
					time.Sleep(time.Second)
					return err
				}
				w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
				v := w.visitor()
				v.send("GET /cart")
				time.Sleep(5 * time.Second)
				f := v.start(t.Context(), "GET /events")
				time.Sleep(25 * time.Second)
				synctest.Wait()
				if f.code() != 200 {
					t.Fatal(f.text())
				}
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

// TestAttack_H9_NoRoomForSignIn: the attacker's address has used up what may be kept, so the
// response to an undeclared sign-in, in the visit of an own account, leaves in portions.
func TestAttack_H9_NoRoomForSignIn(t *testing.T) {
	for _, own := range []string{"", "bob"} {
		attack(t, "own "+own, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Visits.Bodies, o.Visits.Uploads = &spool.Budget{}, &spool.Budget{} })
			w.shop.pages["/enter"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				_, err := io.WriteString(rw, "welcome "+secret("alice")+strings.Repeat(" ", 100<<10))
				time.Sleep(10 * time.Millisecond)
				w.shop.commit(r, id, "alice")
				return err
			}
			v := w.visitor()
			v.signIn(own)
			time.Sleep(5 * time.Second)
			f := v.send("POST /enter user=alice")
			if strings.Contains(f.text(), secret("alice")) {
				t.Errorf("alice's page went out: %.100s", f.text())
			}
			if own != "" && w.logs.FilterMessageSnippet("the response to a form was refused").Len() == 0 {
				t.Error("the log does not say why")
			}
		})
	}
}

// TestAttack_I13_StreamWithoutAccept: a stream that was opened before its user had a second
// factor ends when he gets one, whatever the request's Accept header says.
func TestAttack_I13_StreamWithoutAccept(t *testing.T) {
	for _, accept := range []string{"text/event-stream", "*/*"} {
		attack(t, accept, func(t *testing.T) {
			st := newMemory()
			w := newWorld(t, func(o *gateway.Options) { o.Store = st; o.Visits = gateway.NewVisits(st, time.Now) })
			more := make(chan bool)
			w.shop.pages["/events"] = func(rw http.ResponseWriter, r *http.Request) error {
				rw.Header().Set("Content-Type", "text/event-stream")
				for i := 0; ; i++ {
					if _, err := fmt.Fprintf(rw, "data: event %d\n\n", i); err != nil {
						return err
					}
					_ = http.NewResponseController(rw).Flush()
					select {
					case _, ok := <-more:
						if !ok {
							return nil
						}
					case <-r.Context().Done():
						return r.Context().Err()
					}
				}
			}
			v := w.visitor()
			v.signIn("alice") // no factor yet: this is the thief's
			time.Sleep(5 * time.Second)
			f := v.start(t.Context(), "GET /events", "Accept: "+accept)
			synctest.Wait()
			if !strings.Contains(f.text(), "event 0") {
				t.Fatal(f.text())
			}
			// The owner sets up a factor elsewhere.
			key := store.UserKey{Realm: "shop", ID: "alice"}
			st.mu.Lock()
			st.users[key] = store.User{Key: key, TOTP: &store.TOTP{ID: "1"}}
			st.mu.Unlock()
			w.g.Visits.CloseUnproven(key)
			synctest.Wait()
			select {
			case <-f.done:
			default:
				t.Error("the stream stays open at the portal until it sends more")
			}
			time.Sleep(10 * time.Minute)
			select {
			case more <- true:
			case <-f.done:
			}
			synctest.Wait()
			if strings.Contains(f.text(), "event 1") {
				t.Errorf("the stream goes on: %s", f.text())
			}
			close(more)
			<-f.done
		})
	}
}

// TestAttack_H3_PoisonedNames: what the portal sets for one visitor does not keep others from
// sending their forms.
func TestAttack_H3_PoisonedNames(t *testing.T) {
	attack(t, "remembered address", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/login.php"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.begin(rw, r), r.FormValue("email"))
			rw.Header().Add("Set-Cookie", "email="+r.FormValue("email")+"; Path=/") // "remember me"
			_, err := io.WriteString(rw, "welcome")
			return err
		}
		w.shop.pages["/search"] = func(rw http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(rw, "found "+r.URL.Query().Get("email"))
			return err
		}
		owner, mallory := w.visitor(), w.visitor()
		owner.send("GET /page")
		if f := owner.send("POST /login.php email=carol"); f.code() != http.StatusOK {
			t.Fatal(f.text())
		}
		mallory.send("POST /login.php email=mallory@mail.example")
		time.Sleep(5 * time.Second)
		if f := owner.send("POST /login.php email=carol"); f.code() != http.StatusOK {
			t.Errorf("the owner signs in: %s", f.text())
		}
		other := w.visitor()
		if f := other.send("POST /login.php email=dave"); f.code() != http.StatusOK {
			t.Errorf("another signs in: %s", f.text())
		}
		if f := w.visitor().send("GET /search?email=dave"); !strings.Contains(f.text(), "found dave") {
			t.Errorf("another searches: %s", f.text())
		}
	})
}

// TestSeal_TokenOfAForm: csurf and Yii keep a secret in a cookie, and put another value made of
// it into the field of the same name.
func TestSeal_TokenOfAForm(t *testing.T) {
	attack(t, "csurf", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/form"] = func(rw http.ResponseWriter, r *http.Request) error {
			rw.Header().Add("Set-Cookie", "_csrf=abcdefghijklmnopqrstuvwx; Path=/")
			_, err := io.WriteString(rw, "form")
			return err
		}
		w.shop.pages["/send"] = func(rw http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(rw, "sent")
			return err
		}
		v := w.visitor()
		v.send("GET /form")
		f := v.send("POST /send _csrf=deadbeef-masked")
		if !strings.Contains(f.text(), "sent") {
			t.Error(f.text())
		}
	})
}
