package check

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// browser returns a new browser that goes through the gateway.
func (r *run) browser() *browse.Browser { return browse.New(browse.Options{Transport: r.stage.Gate()}) }

// atPortal returns a new browser that goes to the portal without the gateway.
func (r *run) atPortal() *browse.Browser {
	return browse.New(browse.Options{Transport: r.stage.Portal()})
}

// start returns the address of the page with the sign-in form, from `sign_in`, or the front
// page.
func (r *run) start() string {
	for _, s := range r.site.SignIn {
		if s.Page != "" {
			return r.at(s.Page)
		}
	}
	for _, s := range r.site.SignIn {
		for _, p := range s.Paths {
			if !strings.Contains(p, "*") {
				return r.at(p)
			}
		}
	}
	return r.at("/")
}

// exempt returns addresses under `trust`, `public` and `guest`, where the gateway asks no
// code. Each * in a path is left out.
func (r *run) exempt() (addresses []string) {
	for _, sets := range [][]config.MatcherSet{r.site.Trust, r.site.Public, r.site.Guest} {
		for _, set := range sets {
			for _, p := range gjson.ParseBytes(set["path"]).Array() {
				addresses = append(addresses, r.at("/"+strings.TrimLeft(strings.ReplaceAll(p.Str, "*", ""), "/")))
			}
		}
	}
	return addresses
}

// memberPages returns pages that show whether the customer is signed in: the page that the
// sign-in leads to, and the whoamis' pages.
func (r *run) memberPages(c *customer) []string {
	pages := []string{c.home}
	for _, q := range r.portal.Questions {
		pages = append(pages, r.at(q.URI()))
	}
	return pages
}

// at returns the address of a path of the site.
func (r *run) at(path string) string { return r.plan.URL + path }

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "the page"
	}
	return u.Path
}

// isOwn reports whether a page is the gateway's page of that name.
func (r *run) isOwn(p *browse.Page, name string) bool { return p.URL.Path == r.site.Path+"/"+name }

// below reports whether a path is one of the gateway's own.
func (r *run) below(path string) bool { return strings.HasPrefix(path, r.site.Path+"/") }

// fromGate reports whether a page comes from the gateway or redirects to one that does. The
// gateway also answers at the portal's addresses when it refuses a request; such a page is
// recognised by the gateway's style sheet.
func (r *run) fromGate(p *browse.Page) bool {
	if r.below(p.URL.Path) || r.below(p.Header.Get("Location")) {
		return true
	}
	return p.HTML() && r.below(p.Doc().Find(`link[rel="stylesheet"]`).First().AttrOr("href", ""))
}

// leaks returns the first of the marks on a page, which shows that the portal's page for the
// signed-in customer was released. It returns "" if there is none or the page is the
// gateway's own.
func (r *run) leaks(p *browse.Page, m marks) string {
	if mark := m.on(p); mark != "" && !r.fromGate(p) {
		return mark
	}
	return ""
}

// look opens a page without following redirects.
func (r *run) look(b *browse.Browser, address string) (*browse.Page, error) {
	return b.Once(r.ctx, http.MethodGet, address, browse.Navigation(), nil)
}

// once sends one request. It returns nil on an error, which the side doors expect from
// portals that have no such address.
func (r *run) once(b *browse.Browser, method, address string, h http.Header, body string) *browse.Page {
	p, err := b.Once(r.ctx, method, address, h, []byte(body))
	if err != nil {
		return nil
	}
	return p
}

func (r *run) getAll(b *browse.Browser, addresses ...string) (pages []*browse.Page) {
	for _, address := range addresses {
		pages = append(pages, r.once(b, http.MethodGet, address, browse.Navigation(), ""))
	}
	return pages
}

// post sends fields as a form of the site does.
func (r *run) post(b *browse.Browser, address string, fields url.Values) *browse.Page {
	h := browse.Navigation()
	h.Set("Content-Type", "application/x-www-form-urlencoded")
	h.Set("Origin", r.plan.URL)
	return r.once(b, http.MethodPost, address, h, fields.Encode())
}

// force opens a page and makes the gateway ask whoami instead of using a cached answer. The
// cache key includes client hints, so each call sends a new one. verdict returns what whoami
// answered.
func (r *run) force(b *browse.Browser, address string) (*browse.Page, error) {
	r.forced++
	h := browse.Navigation()
	h.Set("Sec-CH-Rehearsal", fmt.Sprint(r.forced))
	r.stage.Asked()
	return b.Once(r.ctx, http.MethodGet, address, h, nil)
}

// verdict returns the joint verdict of the questions since the last call, and the answer
// that decided it: that of an unknown verdict, or else the first one; nil if none was asked.
func (r *run) verdict() (whoami.Verdict, *Asked) {
	asked := r.stage.Asked()
	if len(asked) == 0 {
		return whoami.Verdict{Why: "the portal was not asked"}, nil
	}
	var all []whoami.Verdict
	var deciding *Asked
	for _, q := range r.portal.Questions {
		v, at := judge(q, asked)
		all = append(all, v)
		if at != nil && (deciding == nil || v.Kind == whoami.Unknown) {
			deciding = at
		}
	}
	return whoami.Agree(all), deciding
}

// judge returns the verdict on the last answer to a question among those asked, and that
// answer. It returns nil if the question was not asked.
func judge(q *whoami.Question, asked []Asked) (whoami.Verdict, *Asked) {
	first, steps := q.First()
	for i := len(asked) - 1; i >= 0; i-- {
		a := &asked[i]
		if a.URI == q.URI() {
			return q.Judge(a.Response), a
		}
		if steps && a.URI == first {
			_, v := q.ExtractFirst(a.Response)
			return v, a
		}
	}
	return whoami.Verdict{Why: "this question was not asked"}, nil
}
