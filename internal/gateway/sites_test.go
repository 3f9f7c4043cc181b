package gateway_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

// twoSites are two portals at two ports of one host, or below two paths of one site; their
// gates name the same realm, and a browser at each that has the cookies of both.
func twoSites(t *testing.T, whoami ...string) (sites [2]*world) {
	var first gateway.Options
	for i := range sites {
		sites[i] = newWorld(t, func(o *gateway.Options) {
			if i == 0 {
				first = *o
			}
			o.Path = strings.TrimSuffix(whoami[i], "/me") + "/two-factor"
			o.Sealer, o.Store, o.Visits = first.Sealer, first.Store, first.Visits
		}, whoami[i])
	}
	return sites
}

// go sends the browser's request to a site, and brings the cookies back.
func (v *visitor) at(w *world, line string, headers ...string) *flight {
	other := &visitor{w: w, address: v.address, cookies: v.cookies}
	f := other.send(line, headers...)
	v.cookies = other.cookies
	return f
}

// pass gives the browser's visit a clearance, as the right code does.
func (v *visitor) pass(user string, jar ...string) {
	v.w.t.Helper()
	var token session.Token
	for _, c := range v.cookies {
		if c.Name == portal.NamesFor("shop", false).Visit {
			token = session.Token(c.Value)
		}
	}
	set, err := portal.Changes(jar, "/", portal.NewCookiePolicy(nil), time.Now())
	if err != nil {
		v.w.t.Fatal(err)
	}
	now := time.Now()
	st := v.w.g.Store.(*memory)
	st.mu.Lock()
	st.visits[token.ID()] = store.Visit{
		Realm: "shop", ID: token.ID(), User: user, Factor: "totp", At: now, LastSeen: now, Expires: now.Add(12 * time.Hour),
		Binds: portal.EmptyJar.Apply(set).Binds("example.com", v.w.g.Path),
	}
	st.mu.Unlock()
	v.w.g.Visits.Forget("shop", token.ID())
}

// TestSites_ClearanceOutlivesTheOtherSite: alice passed at one port of a host. At another,
// with a portal that names its session cookie alike, she is a stranger: that ends nothing.
func TestSites_ClearanceOutlivesTheOtherSite(t *testing.T) {
	attack(t, "ports", func(t *testing.T) {
		sites := twoSites(t, "/me", "/me")
		v := sites[0].visitor()
		v.signIn("alice")
		v.pass("alice", "SID=x; Path=/")
		if f := v.send("GET /page"); !strings.Contains(f.text(), secret("alice")) {
			t.Fatalf("alice passed: %s", f.text())
		}
		sites[1].shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error {
			sites[1].shop.begin(rw, r)
			_, err := io.WriteString(rw, "cart")
			return err
		}
		v.at(sites[1], "GET http://example.com:8443/cart")
		v.at(sites[1], "GET http://example.com:8443/cart")
		if f := v.send("GET /page"); !strings.Contains(f.text(), secret("alice")) {
			t.Errorf("after a look at the other site: %s", f.text())
		}
	})
}

// TestSites_SessionOutlivesTheOtherPath: alice passed at the portal below one path. Below
// another of the same site, where she is a stranger to another portal with cookies of its
// own path, nothing of hers is taken away.
func TestSites_SessionOutlivesTheOtherPath(t *testing.T) {
	for _, user := range []string{"alice", "bob"} {
		attack(t, user, func(t *testing.T) {
			sites := twoSites(t, "/a/me", "/b/me")
			sites[0].shop.attributes, sites[1].shop.attributes = "; Path=/a", "; Path=/b"
			v := sites[0].visitor()
			v.send("POST /a/login.php user=" + user)
			if user == "alice" {
				v.pass("alice", "SID=x; Path=/a")
			}
			if f := v.send("GET /a/page"); !strings.Contains(f.text(), secret(user)) {
				t.Fatalf("signed in: %s", f.text())
			}
			sites[1].shop.pages["/b/cart"] = func(rw http.ResponseWriter, r *http.Request) error {
				sites[1].shop.begin(rw, r)
				_, err := io.WriteString(rw, "cart")
				return err
			}
			v.at(sites[1], "GET /b/cart", "Sec-Fetch-Mode: navigate")
			if f := v.send("GET /a/page"); !strings.Contains(f.text(), secret(user)) {
				t.Errorf("after a look at the other portal: %s", f.text())
			}
		})
	}
}

// TestSites_HeldStaysAtItsSite: a question about a style sheet renewed the session at one
// port. The new session waits for the next page of that site, and goes to no other one.
func TestSites_HeldStaysAtItsSite(t *testing.T) {
	attack(t, "ports", func(t *testing.T) {
		sites := twoSites(t, "/me", "/me")
		a := sites[0].shop
		a.pages["/me"] = func(rw http.ResponseWriter, r *http.Request) error { // renews the session's name
			old := a.id(r)
			user := a.user(r)
			if user == "" {
				rw.WriteHeader(http.StatusUnauthorized)
				return nil
			}
			a.mu.Lock()
			a.begun++
			id := fmt.Sprint("renewed", a.begun)
			delete(a.users, old)
			a.users[id] = user
			a.mu.Unlock()
			rw.Header().Add("Set-Cookie", "SID="+id+"; Path=/")
			return json.NewEncoder(rw).Encode(map[string]string{"user": user})
		}
		var got []string
		sites[1].shop.pages["/shop"] = func(rw http.ResponseWriter, r *http.Request) error {
			got = append(got, r.Header.Get("Cookie"))
			_, err := io.WriteString(rw, "shop "+sites[1].shop.user(r))
			return err
		}
		v := sites[0].visitor()
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		if f := v.send("GET /page"); !strings.Contains(f.text(), secret("bob")) {
			t.Fatal(f.text())
		}
		v.at(sites[1], "POST http://example.com:8443/login.php user=bob")
		time.Sleep(5 * time.Second)
		if f := v.at(sites[1], "GET http://example.com:8443/shop"); !strings.Contains(f.text(), "shop bob") {
			t.Fatal(f.text())
		}
		v.send("GET /page")
		time.Sleep(2 * time.Minute)
		v.send("GET /style.css")
		got = nil
		f := v.at(sites[1], "GET http://example.com:8443/shop")
		if !strings.Contains(f.text(), "shop bob") {
			t.Errorf("the other site's session is lost: %s", f.text())
		}
		for _, header := range got {
			if strings.Contains(header, "renewed") {
				t.Errorf("the other site's portal got this one's session: %s", header)
			}
		}
		if f := v.send("GET /page"); !strings.Contains(f.text(), secret("bob")) {
			t.Errorf("this site's session is lost: %s", f.text())
		}
	})
}
