package gatewayrules

import (
	"net/http"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/test/kit/harness"
)

// doors are requests that each preset must refuse by itself: "PATH", "GET PATH with a
// body", or "PATH HEADER". Of those after "open:" none may be refused.
var doors = map[string]string{
	"blesta":     "/admin/ /admin/login /ADMIN /index.php/admin/login /x/../admin/ /api/users/get.json /index.php/api/users/get.json /install open: /client/login/ /client/main/edit/ /callback/gw/1",
	"dokuwiki":   "/lib/exe/xmlrpc.php /lib/exe/jsonrpc.php /lib/exe/xmlrpc.php/x open: /doku.php /lib/exe/fetch.php",
	"mediawiki":  "/mw-config/index.php /api.php?action=feedwatchlist&wlowner=A&wltoken=b /api.php?%77ltoken=b /api.php#Treat-as-Untrusted /index.php#treat-as-untrusted open: /api.php?action=query /index.php#X-Other",
	"nextcloud":  "/remote.php/direct/abc /apps/files/directEditing/abc /index.php/apps/files/directEditing/abc open: /remote.php/dav/files/alice/ /ocs/v2.php/cloud/user /s/abc",
	"node-red":   "open: /settings /flows",
	"phpmyadmin": "/setup /setup/index.php /Setup/ open: / /index.php?route=/sql",
	"redmine":    "/issues.json /issues.xml /users/current.json /activity.atom?key=a /issues?key=a /issues?%6bey=a /issues?format=json /sys/projects /mail_handler /attachments/../issues.json open: /issues /attachments/1/a.json /projects/a/repository/1/entry/b.xml /issues?format=csv",
	"roundcube":  "/installer /installer/index.php open: / /?_task=mail",
	"whmcs":      "/admin/ /admin/login.php /includes/api.php /includes//api.php /install/install.php open: /clientarea.php /modules/gateways/callback/x.php",
	"wordpress":  "/xmlrpc.php /XMLRPC.php /xmlrpc.php/x open: /wp-login.php /wp-json/",
}

// TestPresets_ShutSideDoors: exactly the side doors that a recipe lists answer 403, for every
// response of the portal.
func TestPresets_ShutSideDoors(t *testing.T) {
	portal := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, p := range config.Presets() {
		t.Run(p.Name, func(t *testing.T) {
			list, ok := doors[p.Name]
			if !ok {
				t.Fatal("no doors are listed")
			}
			h := harness.Start(t, portal, "portal "+p.Name)
			want := http.StatusForbidden
			for door := range strings.FieldsSeq(list) {
				if door == "open:" {
					want = 0
					continue
				}
				path, header, _ := strings.Cut(door, "#")
				b := h.Browser()
				r := b.Request("GET", path, nil)
				if header != "" {
					r.Header.Set(header, "")
				}
				if got := b.Do(r).Status; (got == http.StatusForbidden) != (want == http.StatusForbidden) {
					t.Errorf("%s: %d", door, got)
				}
			}
		})
	}
}
