package inspect

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
)

// cookieScript is where a script reads or writes cookies.
var cookieScript = regexp.MustCompile(`document\s*\.\s*cookie|[Cc]ookies?\.(get|set|read)|getCookie|setCookie`)

// writes are the names in document.cookie = "name=…".
var writes = regexp.MustCompile(`document\s*\.\s*cookie\s*=\s*["'` + "`" + `]([A-Za-z0-9_.-]{2,60})=`)

// scripts looks for cookies that the portal's scripts must read: set without HttpOnly,
// and named by a script that deals with cookies. One that signs in is never left.
func (in *inspection) scripts(ctx context.Context) error {
	in.say("reading the portal's scripts")
	b, err := in.alive(ctx)
	if err != nil {
		return err
	}
	texts := in.scriptTexts(ctx, b)
	none := portal.NewLeave(nil)
	for _, c := range in.crumbs {
		if c.HTTPOnly || none.Class(c.Name) != portal.Sealed || slices.Contains(in.site.Leave, c.Name) || !named(texts, c.Name) {
			continue
		}
		if c.matters {
			in.note("", "Scripts of the portal read the cookie %s, which signs in. It is sealed all the same, so they will not find it.", c.Name)
			continue
		}
		if strings.ContainsAny(c.Name, "*?[]\\{}\" ") {
			continue
		}
		if !in.propose("The cookie "+c.Name, func(site *config.Site) { site.Leave = append(slices.Clone(site.Leave), c.Name) }) {
			continue
		}
		in.note("leave", "%s: set without HttpOnly and read by scripts; no answer changes without it.", c.Name)
	}
	in.written(texts, none)
	return ctx.Err()
}

// named reports whether some script deals with cookies and names this one.
func named(texts []string, name string) bool {
	word := regexp.MustCompile(`(^|[^A-Za-z0-9_-])` + regexp.QuoteMeta(name) + `($|[^A-Za-z0-9_-])`)
	return slices.ContainsFunc(texts, func(t string) bool { return cookieScript.MatchString(t) && word.MatchString(t) })
}

// written notes cookies that scripts set by themselves.
func (in *inspection) written(texts []string, none *portal.Leave) {
	var list []string
	for _, t := range texts {
		for _, m := range writes.FindAllStringSubmatch(t, -1) {
			if none.Class(m[1]) == portal.Sealed && !slices.Contains(list, m[1]) && !slices.Contains(in.site.Leave, m[1]) {
				list = append(list, m[1])
			}
		}
	}
	if len(list) > 0 {
		in.note("", "Scripts write the cookies %s. They reach the portal only if `leave` names them.", strings.Join(list, ", "))
	}
}

// scriptTexts are the scripts of the pages that were looked at, of the portal's own
// host.
func (in *inspection) scriptTexts(ctx context.Context, b *browse.Browser) (texts []string) {
	seen := make(map[string]bool)
	for _, v := range append(slices.Clone(in.views), &view{page: in.entry.Login}) {
		if v.accept != "" {
			continue
		}
		v.page.Doc().Find("script").Each(func(_ int, s *goquery.Selection) {
			src, file := s.Attr("src")
			if !file {
				texts = append(texts, s.Text())
				return
			}
			u, err := v.page.Resolve(src)
			if err != nil || u.Host != in.base.Host || seen[u.RequestURI()] || len(seen) >= maxScripts {
				return
			}
			seen[u.RequestURI()] = true
			if res, err := in.ask(ctx, b, place{uri: u.RequestURI()}, nil); err == nil {
				texts = append(texts, string(res.Body))
			}
		})
	}
	return texts
}
