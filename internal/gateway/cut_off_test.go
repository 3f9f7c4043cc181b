package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/gateway"
)

// TestCutOff_SignInPage: bob signs out beside a slow page. The page with the sign-in form is shown
// before a browser gives up following redirects.
func TestCutOff_SignInPage(t *testing.T) {
	attack(t, "a slow page", func(t *testing.T) {
		w := newWorld(t, func(o *gateway.Options) {
			o.Rules.SignIn, o.Rules.Fields, o.Rules.SignOut = paths{"/enter"}, []string{"user"}, paths{"/logout"}
		})
		w.shop.pages["/slow"] = func(rw http.ResponseWriter, r *http.Request) error {
			for range 25 {
				time.Sleep(time.Second)
				if _, err := io.WriteString(rw, "part"); err != nil {
					return err
				}
				if r.Context().Err() != nil {
					return r.Context().Err()
				}
			}
			return nil
		}
		w.shop.pages["/logout"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.begin(rw, r), "")
			return nil
		}
		v := w.visitor()
		v.send("GET /page")
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		slow := v.start(t.Context(), "GET /slow")
		time.Sleep(1500 * time.Millisecond)
		v.send("POST /logout a=b")
		time.Sleep(5 * time.Second)
		for n := range 20 {
			f := v.send("GET /enter", "Sec-Fetch-Mode: navigate")
			if f.code() == http.StatusOK {
				t.Logf("shown after %d redirects", n)
				<-slow.done
				return
			}
		}
		t.Error("a browser gives up after 20 redirects to the sign-in's page")
		<-slow.done
	})
}

// TestCutOff_PageBesideSlowForm: bob signs out by an undeclared link beside a slow form. His pages
// are shown before a browser gives up following redirects.
func TestCutOff_PageBesideSlowForm(t *testing.T) {
	attack(t, "a slow form", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/slow"] = func(http.ResponseWriter, *http.Request) error {
			time.Sleep(15 * time.Second)
			return nil
		}
		w.shop.pages["/bye"] = func(rw http.ResponseWriter, r *http.Request) error {
			w.shop.commit(r, w.shop.begin(rw, r), "")
			return nil
		}
		v := w.visitor()
		v.send("GET /page")
		v.signIn("bob")
		time.Sleep(5 * time.Second)
		v.send("GET /page")
		slow := v.start(t.Context(), "POST /slow a=b")
		time.Sleep(time.Second)
		for n := range 20 {
			if f := v.send("GET /bye", "Sec-Fetch-Mode: navigate"); f.code() == http.StatusOK {
				t.Logf("shown after %d redirects", n)
				<-slow.done
				return
			}
		}
		t.Error("a browser gives up after 20 redirects to one page")
		<-slow.done
	})
}
