package inspect

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Report is the result of an inspection.
type Report struct {
	Site      config.Site // the settings that were proven
	User      string      // the first customer's id, as whoami names it
	Unlearned []string    // what could not be learned, a sentence each
	Caddyfile string      // a whole site, with a comment for each finding
}

// verify is the last step. It checks the final whoamis: they must name the first customer
// in a new session, and answer anonymous without cookies and in an anonymous session.
func (in *inspection) verify(ctx context.Context) error {
	in.say("trying what was found")
	if err := in.compile(); err != nil {
		return err
	}
	b, err := in.session(ctx)
	if err != nil {
		return err
	}
	if v := in.portal.Who(ctx, b, nil); !in.known(v) {
		return fmt.Errorf("%w: the page that named the user no longer does (%s); try again, and if it stays so, name another page with --page", ErrNoUser, v.Why)
	}
	for _, b := range []*browse.Browser{in.browser(), in.visitor(ctx)} {
		if v := in.portal.Who(ctx, b, nil); v.Kind != whoami.Anonymous {
			return fmt.Errorf("%w: the sign that no user is signed in is no longer there (%s); try again, and if it stays so, name another page with --page", ErrNoUser, v.Why)
		}
	}
	return nil
}

func (in *inspection) report() (*Report, error) {
	notes := make(config.Notes)
	for where, lines := range in.notes {
		if where != "" {
			notes[where] = wrap(lines)
		}
	}
	directive, err := in.site.Caddyfile(notes)
	if err != nil {
		return nil, fmt.Errorf("what was found can't be written as a Caddyfile: %w", err)
	}
	r := &Report{Site: in.site, User: in.id, Unlearned: in.unlearned}
	r.Caddyfile = in.head() + in.siteAddress() + " {\n" + in.bind() + directive + in.upstream() + "}\n"
	return r, nil
}

// head is the comment above the site.
func (in *inspection) head() string {
	with := "one test customer"
	if len(in.Customers) > 1 {
		with = "two test customers"
	}
	lines := []string{fmt.Sprintf("%s, learned by inspect on %s with %s.", in.base, time.Now().UTC().Format(time.DateOnly), with), ""}
	lines = append(lines, in.notes[""]...)
	if len(in.unlearned) > 0 {
		lines = append(lines, "", "Not learned:")
		for _, u := range in.unlearned {
			lines = append(lines, "- "+u)
		}
	}
	lines = append(lines, "", "Rehearse it before it is switched on: secondgate check. The portal must be reachable through the gateway only.")
	var b strings.Builder
	for line := range strings.SplitSeq(wrap(lines), "\n") {
		b.WriteString(strings.TrimSpace("# "+clean(line)) + "\n")
	}
	return b.String()
}

// clean replaces control characters and line ends, which would end the comment, and breaks
// up "{$", which Caddy would replace. The text may come from the portal.
func clean(line string) string {
	line = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(line, "?"))
	return strings.ReplaceAll(line, "{$", "{ $")
}

// width is where comments are broken, in bytes.
const width = 100

func wrap(lines []string) string {
	var out []string
	for _, line := range lines {
		rest := strings.ReplaceAll(line, "\n", " ")
		for len(rest) > width {
			i := strings.LastIndexByte(rest[:width], ' ')
			if i <= 0 {
				break
			}
			out, rest = append(out, rest[:i]), rest[i+1:]
		}
		out = append(out, rest)
	}
	return strings.Join(out, "\n")
}

// siteAddress is the address of the gateway's site.
func (in *inspection) siteAddress() string {
	switch {
	case in.Site != "":
		return in.Site
	case loopback(in.base.Hostname()):
		return "http://127.0.0.1:8080"
	}
	return in.base.Hostname()
}

// bind returns the bind line with which a site on loopback listens only there, or "".
func (in *inspection) bind() string {
	u, err := url.Parse(in.siteAddress())
	if err != nil || !loopback(u.Hostname()) {
		return ""
	}
	return "\tbind " + u.Hostname() + "\n"
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// upstream is the proxy to the portal. Caddy forwards the Host of the request, so that the
// addresses that the portal writes lead to the gateway.
func (in *inspection) upstream() string {
	proxy := "\treverse_proxy " + in.base.Host + "\n"
	if in.base.Scheme == "https" {
		proxy = "\treverse_proxy " + in.base.String() + "\n"
	}
	if loopback(in.base.Hostname()) {
		return proxy
	}
	return "\t# Put here the address at which only this machine reaches the portal.\n" + proxy
}

// signInSettings sets `sign_in` from the sign-in form. If a preset is used, it has
// `sign_in`, and only the notes are moved to `portal`.
func (in *inspection) signInSettings() {
	if in.site.Portal != "" {
		notes := in.notes["sign_in.0"]
		delete(in.notes, "sign_in.0")
		in.notes["portal"] = append(in.notes["portal"], notes...)
		return
	}
	e := in.entry
	s := config.SignIn{Page: bare(e.Login.URL), Username: e.User, Password: e.Password}
	action := bare(e.Form.Action)
	if entering.MatchString(action) || strings.Contains(action, "auth") {
		s.Paths = []string{action}
	} else {
		in.note("sign_in.0", "The form is sent to %s, which other pages use too: only its fields tell a sign-in.", action)
	}
	in.propose("The sign-in form", func(site *config.Site) { site.SignIn = []config.SignIn{s} })
}

// propose applies a change to the settings if they can still be written as a Caddyfile and
// resolved. If not, it drops the change, reports what under Unlearned and returns false. A
// portal's names of fields and pages may contain characters that can't be written.
func (in *inspection) propose(what string, change func(*config.Site)) bool {
	s := in.site
	change(&s)
	_, err := s.Resolved()
	if err == nil {
		_, err = s.Caddyfile(nil)
	}
	if err != nil {
		in.missing("%s can't be written down (%v).", what, err)
		return false
	}
	in.site = s
	return true
}

// declareForm adds the path that the form is sent to to `sign_in`. Under `watch unsafe` the
// gateway omits the question before a request only if that request is a declared sign-in.
func (in *inspection) declareForm() {
	if in.site.Portal != "" || len(in.site.SignIn) == 0 || len(in.site.SignIn[0].Paths) > 0 {
		return
	}
	in.addSignIn(bare(in.entry.Form.Action))
}

// addSignIn adds a path to the sign-in.
func (in *inspection) addSignIn(p string) bool {
	return in.propose("The sign-in at "+p, func(site *config.Site) {
		s := site.SignIn[0]
		s.Paths = append(slices.Clone(s.Paths), p)
		site.SignIn = []config.SignIn{s}
	})
}

// bare returns the path and query of an address without what differs between visits: a
// session id after ";", and parameters that are tokens, return addresses or empty.
func bare(u *url.URL) string {
	path, _, _ := strings.Cut(u.EscapedPath(), ";")
	if path == "" {
		path = "/"
	}
	var kept []string
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		key, value, _ := strings.Cut(pair, "=")
		if key == "" || value == "" || secret.MatchString(key) || strings.ContainsAny(pair, "*{}\"") || returns(key) {
			continue
		}
		kept = append(kept, pair)
	}
	if len(kept) > 0 {
		path += "?" + strings.Join(kept, "&")
	}
	return path
}

// returns reports whether a parameter, by its name, holds the page to return to.
func returns(key string) bool {
	return slices.ContainsFunc([]string{"next", "return", "redirect", "goto", "back", "dest", "url", "target", "continue", "from", "reauth", "service", "referer"},
		func(w string) bool { return strings.Contains(strings.ToLower(key), w) })
}
