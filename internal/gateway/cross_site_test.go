package gateway_test

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// TestAttack_CrossSiteBeforeSignIn: another site's page, open in another tab, makes the browser of
// a user who is about to sign in send forms here, with the visit's cookie alone. They neither use up
// the places of forms nor hold the sign-in up.
func TestAttack_CrossSiteBeforeSignIn(t *testing.T) {
	attack(t, "sign-in", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/form"] = func(rw http.ResponseWriter, r *http.Request) error {
			time.Sleep(time.Second)
			_, err := io.WriteString(rw, "sent")
			return err
		}
		w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		owner := w.visitor()
		owner.send("GET /page", "Sec-Fetch-Mode: navigate")
		owner.send("GET /cart")
		time.Sleep(5 * time.Second)
		evil := owner.copy()
		evil.address, evil.cookies = owner.address, evil.cookies[:1]
		for range 70 {
			evil.start(t.Context(), "POST /form a=b", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Origin: https://evil.example")
		}
		time.Sleep(10 * time.Millisecond)
		began := time.Now()
		if f := owner.signIn("bob"); f.code() != http.StatusOK || time.Since(began) > 10*time.Second {
			t.Errorf("the sign-in, after %v: %s", time.Since(began), f.text())
		}
		time.Sleep(5 * time.Minute)
	})
}

// TestAttack_CrossSiteSlowPage: the same with pages that take long, as pictures of another site's.
func TestAttack_CrossSiteSlowPage(t *testing.T) {
	attack(t, "sign-in", func(t *testing.T) {
		w := newWorld(t, nil)
		w.shop.pages["/slow"] = func(http.ResponseWriter, *http.Request) error { time.Sleep(time.Minute); return nil }
		w.shop.pages["/cart"] = func(rw http.ResponseWriter, r *http.Request) error { w.shop.begin(rw, r); return nil }
		owner := w.visitor()
		owner.send("GET /page", "Sec-Fetch-Mode: navigate")
		owner.send("GET /cart")
		time.Sleep(5 * time.Second)
		evil := owner.copy()
		evil.address, evil.cookies = owner.address, evil.cookies[:1]
		evil.start(t.Context(), "GET /slow", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image")
		time.Sleep(10 * time.Millisecond)
		began := time.Now()
		if f := owner.signIn("bob"); f.code() != http.StatusOK || time.Since(began) > 10*time.Second {
			t.Errorf("the sign-in, after %v: %s", time.Since(began), f.text())
		}
		time.Sleep(5 * time.Minute)
	})
}
