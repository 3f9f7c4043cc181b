package gateway_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAttack_EncodedCookiePath: Tomcat names the path of an application as it is encoded in
// addresses. Browsers send the cookie there, so its user is signed in.
func TestAttack_EncodedCookiePath(t *testing.T) {
	for _, path := range []string{"/app", "/my%20app", "/caf%C3%A9"} {
		attack(t, path, func(t *testing.T) {
			w := newWorld(t, nil, path+"/me")
			w.shop.attributes = "; Path=" + path
			v := w.visitor()
			v.send("GET "+path+"/page", "Sec-Fetch-Mode: navigate")
			v.send("POST " + path + "/login.php user=bob")
			if f := v.send("GET " + path + "/page"); f.code() != http.StatusOK || !strings.Contains(f.text(), secret("bob")) {
				t.Errorf("bob, signed in: %s", f.text())
			}
		})
	}
}
