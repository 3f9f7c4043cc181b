package inspect

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// Report is what was learned.
type Report struct {
	// Site are the settings that were proven.
	Site config.Site
	// User is the first customer's id, as whoami names it.
	User string
	// Unlearned is what could not be learned, a sentence each.
	Unlearned []string
	// Caddyfile is a whole site for a Caddyfile, with a comment for each finding.
	Caddyfile string
}

// rehearse holds the settings as they will be written against a new session and a
// stranger: the last word before they are.
func (in *inspection) rehearse(ctx context.Context) error {
	in.say("trying what was found")
	if err := in.compile(); err != nil {
		return err
	}
	b, err := in.session(ctx)
	if err != nil {
		return err
	}
	if v := in.who(ctx, b, nil); !in.known(v) {
		return fmt.Errorf("%w: the page that did so no longer does (%s); try again, and if it stays so, name another page with --page", ErrNoUser, v.Why)
	}
	for _, b := range []*browse.Browser{in.browser(), in.visitor(ctx)} {
		if v := in.who(ctx, b, nil); v.Kind != whoami.Anonymous {
			return fmt.Errorf("%w: what shows that nobody is signed in no longer does (%s); try again, and if it stays so, name another page with --page", ErrNoUser, v.Why)
		}
	}
	return nil
}

// visitor has the session that the sign-in form opens.
func (in *inspection) visitor(ctx context.Context) *browse.Browser {
	b := in.browser()
	_, _ = b.Find(ctx, in.form)
	return b
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
	lines := []string{fmt.Sprintf("%s, learned by inspect on %s with %s.", in.base, time.Now().UTC().Format(time.DateOnly), counted(len(in.Customers))), ""}
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

func counted(n int) string {
	if n > 1 {
		return "two test customers"
	}
	return "one test customer"
}

// clean keeps what a portal or an operator wrote from ending a comment, or from being
// replaced by Caddy.
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

// siteAddress is where the gateway listens.
func (in *inspection) siteAddress() string {
	switch {
	case in.Site != "":
		return in.Site
	case loopback(in.base.Hostname()):
		return "http://127.0.0.1:8080"
	}
	return in.base.Hostname()
}

// bind keeps a site on loopback from listening elsewhere.
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

// upstream is the portal. Caddy passes the Host on that customers ask for, so that the
// portal's own addresses lead to the gateway.
func (in *inspection) upstream() string {
	to := in.base.Host
	if in.base.Scheme == "https" {
		to = in.base.String()
	}
	if loopback(in.base.Hostname()) {
		return "\treverse_proxy " + to + "\n"
	}
	return "\t# Put here the address at which only this machine reaches the portal.\n\treverse_proxy " + to + "\n"
}
