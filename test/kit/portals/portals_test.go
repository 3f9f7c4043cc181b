//go:build portals

package portals

import (
	"encoding/json"
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

// TestNodeREDKnowsItsUsers: each user gets a bearer token, and /settings shows the token's user.
func TestNodeREDKnowsItsUsers(t *testing.T) {
	var portal *Portal
	t.Run("up", func(t *testing.T) {
		portal = NodeRED(t)
		for _, u := range []User{portal.Alice, portal.Bob, portal.Admin} {
			if got := settingsOf(t, portal.URL, u); got != u.Name {
				t.Errorf("%s is signed in as %q", u.Name, got)
			}
		}
	})
	if portal != nil {
		gone(t, portal.URL)
	}
}

// settingsOf signs a user in and returns whom /settings names.
func settingsOf(t *testing.T, base string, u User) string {
	t.Helper()
	var token struct {
		Value string `json:"access_token"`
	}
	resp, err := http.PostForm(base+"/auth/token", url.Values{"client_id": {"node-red-editor"},
		"grant_type": {"password"}, "scope": {""}, "username": {u.Name}, "password": {u.Password}})
	decode(t, resp, err, &token)
	r, err := http.NewRequest(http.MethodGet, base+"/settings", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Value)
	var settings struct{ User struct{ Username string } }
	resp, err = http.DefaultClient.Do(r)
	decode(t, resp, err, &settings)
	return settings.User.Username
}

func decode(t *testing.T, resp *http.Response, err error, to any) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(to); err != nil {
		t.Fatalf("status %d: %v", resp.StatusCode, err)
	}
}
