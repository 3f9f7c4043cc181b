package check

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
)

// sealed carries the cookies that the gate leaves unsealed into another browser: none
// of them may be a session there.
func (r *run) sealed() bool {
	c := r.first
	left := portal.NewLeave(r.site.Leave)
	var names, signing []string
	for _, k := range c.gate.Cookies() {
		if class := left.Class(k.Name); class != portal.Left && class != portal.Free {
			continue
		}
		names = append(names, k.Name)
		if r.signsIn(c.gate.Only(func(o browse.Cookie) bool { return o.Name == k.Name })) {
			signing = append(signing, k.Name)
		}
	}
	unsealed := func(o browse.Cookie) bool { return slices.Contains(names, o.Name) }
	if len(signing) == 0 && len(names) > 1 && r.signsIn(c.gate.Only(unsealed)) {
		signing = names
	}
	if len(signing) > 0 {
		r.report.fail(rowSealed, fmt.Sprintf("the cookie %s is not sealed, and in another browser it is somebody signed in", strings.Join(signing, ", ")),
			"take it out of `leave`: a session that scripts can read and others can plant is worth stealing")
		return true
	}
	if len(names) == 0 {
		r.report.ok(rowSealed, "every cookie of the portal")
		return true
	}
	r.report.ok(rowSealed, "all but %s, which sign nobody in", strings.Join(names, ", "))
	return true
}

// signsIn says whether the gate or the portal takes this browser for somebody.
func (r *run) signsIn(b *browse.Browser) bool {
	p, err := r.force(b, r.first.home)
	if err != nil {
		return false
	}
	_, shown := r.first.tell.in(p)
	return shown || r.ours(p)
}

const (
	maxScripts = 12
	maxNames   = 40
)

// setByScript finds the names in `document.cookie = "NAME=…"`.
var setByScript = regexp.MustCompile("document\\.cookie\\s*=\\s*[\"'`]([A-Za-z0-9_.-]{1,60})=")

// dropped sends the cookies that the portal's scripts set, as far as they can be read
// from them, and shows which of them the gate drops; and which sealed ones its scripts
// name, so that they may miss the value.
func (r *run) dropped() bool {
	text := r.scripts()
	b := r.first.gate.Clone()
	u, err := url.Parse(r.plan.URL)
	if err != nil {
		r.report.skip(rowDropped, "the site's address can't be read")
		return true
	}
	for _, m := range slices.Collect(firstOf(setByScript.FindAllStringSubmatch(text, maxNames))) {
		b.Put(browse.Cookie{Name: m, Value: "1", Domain: u.Hostname(), HostOnly: true, Path: "/"})
	}
	if _, err := r.look(b, r.first.home); err != nil {
		r.report.fail(rowDropped, err.Error(), "see the log")
		return true
	}
	var saw, do []string
	if names := r.droppedNames(); len(names) > 0 {
		saw = append(saw, "dropped, though the portal's scripts set it: "+strings.Join(names, ", "))
		do = append(do, names...)
	}
	if names := r.wanted(text); len(names) > 0 {
		saw = append(saw, "sealed, though the portal's scripts name it: "+strings.Join(names, ", "))
		do = append(do, names...)
	}
	if len(saw) == 0 {
		r.report.ok(rowDropped, "none that the portal's scripts would miss were found")
		return true
	}
	r.report.Rows = append(r.report.Rows, Row{
		Name: rowDropped, Status: OK, Saw: strings.Join(saw, "; "),
		Do: "only if a page misses it, and it is no session: `leave " + strings.Join(do, " ") + "`",
	})
	return true
}

func firstOf(all [][]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, m := range all {
			if !yield(m[1]) {
				return
			}
		}
	}
}

// droppedNames are those that the gate counted.
func (r *run) droppedNames() (names []string) {
	log, err := r.stage.Log()
	if err != nil {
		return nil
	}
	for _, e := range log {
		if e.Cookie != "" && strings.HasPrefix(e.Message, "cookie dropped") && !slices.Contains(names, e.Cookie) {
			names = append(names, e.Cookie)
		}
	}
	return names
}

// wanted are sealed cookies that scripts may read at the portal, and name.
func (r *run) wanted(text string) (names []string) {
	left := portal.NewLeave(r.site.Leave)
	for _, k := range r.first.direct.Cookies() {
		named := regexp.MustCompile(`["'` + "`" + `]` + regexp.QuoteMeta(k.Name) + `["'` + "`" + `=]`)
		if !k.HTTPOnly && left.Class(k.Name) == portal.Sealed && named.MatchString(text) {
			names = append(names, k.Name)
		}
	}
	return names
}

// scripts are those of the sign-in page and of the customer's own, from the portal's
// own host.
func (r *run) scripts() string {
	var text strings.Builder
	b := r.first.direct
	seen := map[string]bool{}
	for _, page := range []*browse.Page{r.first.entry.Login, r.first.entry.Page} {
		page.Doc().Find("script").Each(func(_ int, s *goquery.Selection) {
			text.WriteString(s.Text() + "\n")
			u, err := page.Resolve(s.AttrOr("src", ""))
			if err != nil || s.AttrOr("src", "") == "" || u.Host != page.URL.Host || seen[u.String()] || len(seen) >= maxScripts {
				return
			}
			seen[u.String()] = true
			if p, err := b.Once(r.ctx, http.MethodGet, u.String(), http.Header{"Accept": {"*/*"}}, nil); err == nil && p.Status == http.StatusOK {
				text.WriteString(p.Text() + "\n")
			}
		})
	}
	return text.String()
}
