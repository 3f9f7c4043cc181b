package caddyworld

import (
	"html"
	"net/url"
	"regexp"
	"strings"

	"github.com/secondgate/secondgate/test/kit/harness"
)

// realms are those of all worlds; "" is the one of sites that name none.
var realms = []string{"shop", "other", ""}

const whoamiLines = "whoami /account {\nanonymous status 401\nuser json user\n}"

// enrolAll enrols victim and mallet in every realm. The store keeps the factors from world to
// world. A site keeps each realm that was enrolled before, because a configuration without it is
// refused while another realm is new.
func (s *server) enrolAll() {
	for i, realm := range realms {
		lines := whoamiLines + "\nbackup_codes 4\n"
		if realm != "" {
			lines += "realm " + realm + "\n"
		}
		c := Case{Portals: []Portal{{Name: "A"}}, Sites: []Site{{URL: "http://portal.test:PORT0", Realm: realm}}}
		c.Caddyfile = "http://portal.test:PORT0 {\nbind 127.0.0.1\ntwo_factor {\n" + lines + "}\nreverse_proxy PORTAL0\n}\n"
		for _, before := range realms[:i] {
			c.Caddyfile += "http://" + before + ".test:PORT0 {\nbind 127.0.0.1\ntwo_factor {\nrealm " + before + "\n" + whoamiLines + "\n}\nreverse_proxy PORTAL0\n}\n"
		}
		must(s.t, s.load(c))
		for _, user := range []string{"victim", "mallet"} {
			r := &run{server: s, c: c}
			r.restart()
			r.enrol(realm, user)
		}
	}
}

var (
	secretPattern = regexp.MustCompile(`otpauth://totp/[^"?]*\?secret=([A-Z2-7]+)`)
	setupPattern  = regexp.MustCompile(`name="setup" value="([^"]+)"`)
)

func (r *run) enrol(realm, user string) {
	r.t.Helper()
	s := &session{r: r, b: newBrowser(), user: user}
	_, err := s.signIn()
	must(r.t, err)
	p, err := s.send(Step{Target: "/two-factor/setup"})
	must(r.t, err)
	body := html.UnescapeString(p.body)
	secret, setup := secretPattern.FindStringSubmatch(body), setupPattern.FindStringSubmatch(body)
	if secret == nil || setup == nil {
		r.t.Fatalf("no set-up page: %d %.600s", p.status, strings.TrimSpace(p.body))
	}
	d := &harness.Device{Secret: secret[1]}
	form := url.Values{"setup": {setup[1]}, "code": {d.Code(r.t)}}.Encode()
	if p, err = s.send(Step{Target: "/two-factor/setup", Body: form}); err != nil || p.status != 303 {
		r.t.Fatalf("set-up refused: %v %d %.600s", err, p.status, p.body)
	}
	r.devices[realm+"/"+user] = d
}
