package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/exempt"
)

func compiled(t *testing.T, raw string) gateway.Rule {
	var sets []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(raw), &sets); err != nil {
		t.Fatal(err)
	}
	rule, err := exempt.Compile(sets, nil)
	if err != nil {
		t.Fatal(err)
	}
	return rule
}

// TestAttack_G3_SignInSpeltAsSignOut: a declared sign-in that some reading of its path takes
// for a declared sign-out is confirmed and doubted all the same.
func TestAttack_G3_SignInSpeltAsSignOut(t *testing.T) {
	for _, line := range []string{"POST /enter.php user=alice", "POST /logout.php/../enter.php user=alice"} {
		attack(t, line, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.SignOut, o.Rules.Fields = paths{"/enter.php"}, paths{"/logout.php"}, []string{"user"}
			})
			w.shop.pages["/enter.php"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				time.AfterFunc(150*time.Millisecond, func() { w.shop.commit(r, id, "alice") })
				_, err := io.WriteString(rw, "welcome "+secret("alice"))
				return err
			}
			v := w.visitor()
			v.send("GET /page")
			time.Sleep(5 * time.Second)
			v.never("the sign-in", v.send(line))
		})
	}
}

// TestAttack_G3_SignInSpeltAsSignOut_Beside: likewise, with a link beside it that signs out.
func TestAttack_G3_SignInSpeltAsSignOut_Beside(t *testing.T) {
	for _, line := range []string{"POST /enter.php user=alice", "POST /logout.php/../enter.php user=alice"} {
		attack(t, line, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.SignOut, o.Rules.Fields = paths{"/enter.php"}, paths{"/logout.php"}, []string{"user"}
			})
			leave := make(chan bool)
			w.shop.pages["/leave"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.id(r)
				<-leave
				w.shop.commit(r, id, "")
				_, err := io.WriteString(rw, "bye")
				return err
			}
			w.shop.pages["/enter.php"] = func(rw http.ResponseWriter, r *http.Request) error {
				w.shop.commit(r, w.shop.begin(rw, r), "alice")
				_, err := io.WriteString(rw, "welcome "+secret("alice"))
				time.Sleep(time.Second)
				return err
			}
			v := w.visitor()
			v.send("POST /login.php user=")
			time.Sleep(5 * time.Second)
			link := v.start(t.Context(), "GET /leave")
			synctest.Wait()
			post := v.start(t.Context(), line)
			time.Sleep(2500 * time.Millisecond)
			close(leave)
			<-link.done
			<-post.done
			v.never("the sign-in", post)
		})
	}
}

// TestAttack_G6_AddressInHeader: frameworks take the address from X-Original-URL or
// X-Rewrite-URL. Then `trust` opens nothing, and `deny` is not got round.
func TestAttack_G6_AddressInHeader(t *testing.T) {
	for _, name := range []string{"X-Original-Url", "X-Rewrite-Url"} {
		for _, rule := range []string{"trust", "deny"} {
			attack(t, name+" "+rule, func(t *testing.T) {
				w := newWorld(t, func(o *gateway.Options) {
					if rule == "trust" {
						o.Rules.Trust = compiled(t, `[{"path": ["/hooks/*"]}]`)
					} else {
						o.Rules.Deny = compiled(t, `[{"path": ["/xmlrpc.php"]}]`)
					}
				})
				at := func(rw http.ResponseWriter, r *http.Request) error {
					address := r.URL.Path
					if other := r.Header.Get(name); other != "" {
						address = other
					}
					text := "page"
					if address == "/login.php" || address == "/xmlrpc.php" {
						text = "welcome " + secret(r.FormValue("user"))
					}
					_, err := io.WriteString(rw, text)
					return err
				}
				w.shop.pages["/hooks/paid"], w.shop.pages["/page"] = at, at
				v := w.visitor()
				if rule == "trust" {
					v.never("trust", v.send("POST /hooks/paid user=alice", name+": /login.php"))
				} else {
					v.never("deny", v.send("POST /page user=alice", name+": /xmlrpc.php"))
				}
			})
		}
	}
}

// TestAttack_G3_FormWithEscape: ASP.NET reads %uXXXX in a query. A sign-in by such a query is
// no form page.
func TestAttack_G3_FormWithEscape(t *testing.T) {
	for _, query := range []string{"user=alice", "%u0075ser=alice"} {
		attack(t, query, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) {
				o.Rules.SignIn, o.Rules.Fields, o.WatchUnsafe = paths{"/login.aspx"}, []string{"user"}, true
			})
			w.shop.pages["/login.aspx"] = func(rw http.ResponseWriter, r *http.Request) error {
				id := w.shop.begin(rw, r)
				_, user, _ := strings.Cut(strings.ReplaceAll(r.URL.RawQuery, "%u0075", "u"), "user=")
				w.shop.commit(r, id, user)
				_, err := io.WriteString(rw, "welcome "+secret(user))
				return err
			}
			v := w.visitor()
			v.send("GET /page")
			v.never("the sign-in", v.send("GET /login.aspx?"+query))
		})
	}
}
