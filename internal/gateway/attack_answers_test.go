package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/gateway"
	"github.com/secondgate/secondgate/internal/portal/whoami"
	"github.com/secondgate/secondgate/internal/session"
	"github.com/secondgate/secondgate/internal/store"
)

func TestAttack_DescribedMutations(t *testing.T) {
	for name, query := range map[string]string{
		"plain":       `mutation{x: login(user:\"alice\") login(user:\"bob\")}`,
		"description": `\"sign in\" mutation{x: login(user:\"alice\") login(user:\"bob\")}`,
		"block":       `\"\"\"sign in\"\"\" mutation{x: login(user:\"alice\") login(user:\"bob\")}`,
	} {
		attack(t, name, func(t *testing.T) {
			w := newWorld(t, func(o *gateway.Options) { o.Rules.SignIn = paths{"/graphql"} })
			w.shop.pages["/graphql"] = graphQL(w.shop, false)
			v := w.visitor()
			v.never(query, v.send(`POST /graphql {"query":"`+query+`"}`, "Content-Type: application/json"))
		})
	}
}

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
		hop := v.start(t.Context(), "GET /hop")
		link := v.start(t.Context(), "GET /link") // it signs bob in after the first question has named alice
		<-in.done
		v.never("the sign-in", in)
		<-hop.done
		<-link.done
	})
}

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

func TestAttack_EndlessOverEndOfSessions(t *testing.T) {
	for _, contentType := range []string{"text/event-stream", "application/x-ndjson", "multipart/x-mixed-replace; boundary=x"} {
		attack(t, contentType, func(t *testing.T) {
			w := newWorld(t, nil)
			v, f := w.readsNews(t, contentType)
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
