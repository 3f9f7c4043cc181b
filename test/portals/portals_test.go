package portals

import (
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// page fetches a page as a browser with the form's answers would.
func page(t *testing.T, signIn, whoami string, form url.Values) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	resp, err := client.PostForm(signIn, form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	resp, err = client.Get(whoami)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func gone(t *testing.T, portal string) {
	t.Helper()
	u, err := url.Parse(portal)
	if err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", u.Host); err == nil {
		conn.Close()
		t.Errorf("%s still listens after its test", portal)
	}
}

func TestWordPressKnowsItsUsers(t *testing.T) {
	var portal *Portal
	t.Run("up", func(t *testing.T) {
		portal = WordPress(t)
		for _, u := range []User{portal.Alice, portal.Bob, portal.Admin} {
			body := page(t, portal.URL+"/wp-login.php", portal.URL+"/wp-admin/profile.php",
				url.Values{"log": {u.Email}, "pwd": {u.Password}})
			if !strings.Contains(body, `id="user_login" value="`+u.Name+`"`) {
				t.Errorf("%s is not signed in", u.Name)
			}
		}
	})
	if portal != nil {
		gone(t, portal.URL)
	}
}

func TestDokuWikiKnowsItsUsers(t *testing.T) {
	var portal *Portal
	t.Run("up", func(t *testing.T) {
		portal = DokuWiki(t)
		for _, u := range []User{portal.Alice, portal.Bob, portal.Admin} {
			body := page(t, portal.URL+"/doku.php?id=start", portal.URL+"/doku.php?id=start&do=profile",
				url.Values{"u": {u.Name}, "p": {u.Password}, "do": {"login"}})
			if !strings.Contains(body, `class="edit" value="`+u.Name+`"`) {
				t.Errorf("%s is not signed in", u.Name)
			}
		}
	})
	if portal != nil {
		gone(t, portal.URL)
	}
}
