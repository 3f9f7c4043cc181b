package gateway_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestAttack_CrossSiteBars: another site's page makes the owner's browser send forms here, with
// the visit's cookie alone. They neither hold up the owner's pages nor use up the places of forms.
func TestAttack_CrossSiteBars(t *testing.T) {
	start := func(t *testing.T) (w *world, owner, evil *visitor) {
		w = newWorld(t, nil)
		w.shop.pages["/poll"] = longPoll
		w.shop.pages["/form"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(time.Second)
			_, err := io.WriteString(rw, "sent "+secret(w.shop.user(r)))
			return err
		}
		owner = w.visitor()
		owner.send("GET /page", "Sec-Fetch-Mode: navigate")
		owner.signIn("bob")
		time.Sleep(5 * time.Second)
		owner.send("GET /page")
		evil = &visitor{w: w, address: owner.address, cookies: slices.DeleteFunc(slices.Clone(owner.cookies), func(c *http.Cookie) bool { return strings.Contains(c.Name, "-") })}
		return w, owner, evil
	}
	cross := []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Origin: https://evil.example"}
	attack(t, "pages", func(t *testing.T) {
		_, owner, evil := start(t)
		owner.start(t.Context(), "GET /poll")
		time.Sleep(time.Second)
		evil.send("POST /page a=b", cross...)
		evil.start(t.Context(), "POST /page a=b", cross...)
		time.Sleep(10 * time.Millisecond)
		began := time.Now()
		f := owner.send("GET /page")
		if d := time.Since(began); d > 3*time.Second || f.code() != http.StatusOK {
			t.Errorf("the owner's page took %v: %s", d, f.text())
		}
		time.Sleep(2 * time.Minute)
	})
	attack(t, "forms", func(t *testing.T) {
		_, owner, evil := start(t)
		for range 70 {
			evil.start(t.Context(), "POST /form a=b", cross...)
		}
		time.Sleep(10 * time.Millisecond)
		began := time.Now()
		if f := owner.send("POST /form a=b"); f.code() != http.StatusOK || time.Since(began) > 10*time.Second {
			t.Errorf("the owner's form, after %v: %s", time.Since(began), f.text())
		}
		time.Sleep(5 * time.Minute)
	})
}

// TestAttack_CrossSiteSignInEndsClearance: another site's page makes the owner's browser send a
// sign-in with the attacker's password. The browser sends the visit's cookie with it and none of the
// portal's (they are SameSite=Lax), and takes no Lax cookie from the response: the owner's session is
// what it was, and so is its clearance.
func TestAttack_CrossSiteSignInEndsClearance(t *testing.T) {
	attack(t, "login CSRF", func(t *testing.T) {
		e := newEndings(t, nil)
		e.shop.attributes = "; Path=/; SameSite=Lax"
		v := e.visitor()
		v.send("GET /page", "Sec-Fetch-Mode: navigate")
		v.send("POST /login.php user=alice")
		e.clear(v, "alice")
		time.Sleep(5 * time.Second)
		e.wantPage("before", v, "alice")
		evil := v.copy()
		evil.address = v.address
		evil.cookies = slices.DeleteFunc(evil.cookies, func(c *http.Cookie) bool { return strings.Contains(c.Name, "-") })
		f := evil.start(t.Context(), "POST /login.php user=bob", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Origin: https://evil.example")
		<-f.done
		t.Log(f.text())
		time.Sleep(5 * time.Second)
		e.wantPage("afterwards", v, "alice")
	})
}

// foreign are the headers of a request that a page of another site causes in the background.
var foreign = []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Origin: https://evil.example"}

// bare is a visitor with the visit's cookie alone.
func bare(v *visitor) *visitor {
	return &visitor{w: v.w, address: v.address, cookies: slices.DeleteFunc(slices.Clone(v.cookies), func(c *http.Cookie) bool { return strings.Contains(c.Name, "-") })}
}

// TestForeign_GainsNothing: a client that says of a request that another site caused it sees
// nothing of a user who owes a code, then or later, and gets no cookie for it.
func TestForeign_GainsNothing(t *testing.T) {
	for _, own := range []string{"", "bob"} {
		attack(t, "own "+own, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn, o.Rules.Fields = paths{"/login.php"}, []string{"user"} })
			v := w.visitor()
			v.send("GET /page", "Sec-Fetch-Mode: navigate")
			if own != "" {
				v.signIn(own)
			}
			time.Sleep(5 * time.Second)
			thief := bare(v)
			for _, request := range []string{"POST /login.php user=alice", "GET /page", "POST /page a=b", "GET /logout"} {
				f := thief.start(t.Context(), request, foreign...)
				synctest.Wait()
				v.never("beside it", v.send("GET /page"))
				<-f.done
				thief.never(request, f)
				time.Sleep(5 * time.Second)
				v.never("after "+request, v.send("GET /page"))
				thief.never("afterwards", thief.send("GET /page"))
			}
		})
	}
}

// TestForeign_StrangersVisit: where no user is signed in, a portal in a frame signs users in as
// anywhere: its cookies have SameSite=None. So does a form that another site's page leads to.
func TestForeign_StrangersVisit(t *testing.T) {
	for name, headers := range map[string][]string{
		"frame": {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"},
		"form":  {"Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"},
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.shop.attributes = "; Path=/; SameSite=None"
			v := w.visitor()
			v.send("GET /static", "Sec-Fetch-Mode: navigate")
			if name == "form" {
				v.signIn("carol")
				time.Sleep(5 * time.Second)
			}
			in := bare(v)
			in.send("POST /login.php user=bob", headers...)
			time.Sleep(5 * time.Second)
			if f := in.send("GET /page"); !strings.Contains(f.text(), "bob") {
				t.Errorf("the page after the sign-in: %s", f.text())
			}
		})
	}
}

// TestForeign_KeepsVisit: the response to such a request starts no visit in the place of the
// owner's, whatever it sets, and leaves no address to return to.
func TestForeign_KeepsVisit(t *testing.T) {
	for _, mode := range []string{"no-cors", "navigate"} {
		attack(t, mode, func(t *testing.T) {
			e := newEndings(t, nil)
			e.shop.pages["/login.php"] = func(rw http.ResponseWriter, r *http.Request) error {
				delete(r.Header, "Sec-Fetch-Site") // as `request_header -Sec-Fetch-*` behind the gate
				e.shop.commit(r, e.shop.begin(rw, r), r.FormValue("user"))
				_, err := io.WriteString(rw, "welcome "+secret(r.FormValue("user")))
				return err
			}
			v := e.visitor()
			v.send("GET /page", "Sec-Fetch-Mode: navigate")
			v.signIn("carol")
			time.Sleep(5 * time.Second)
			for _, user := range []string{"bob", "alice"} {
				f := bare(v).start(t.Context(), "POST /login.php user="+user, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: "+mode, "Sec-Fetch-Dest: iframe")
				<-f.done
				if set := f.Header()["Set-Cookie"]; len(set) > 0 {
					t.Errorf("%s: %q", user, set)
				}
			}
			e.wantPage("afterwards", v, "carol")
		})
	}
}
