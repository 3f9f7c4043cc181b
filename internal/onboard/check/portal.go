package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/browse"
	"github.com/secondgate/secondgate/internal/portal"
	"github.com/secondgate/secondgate/internal/portal/cookie"
	"github.com/secondgate/secondgate/internal/portal/whoami"
)

// upstreams looks whether a question may reach another upstream than the request that it
// is about.
func (r *run) upstreams() bool {
	all := r.stage.Spreads()
	i := slices.IndexFunc(all, func(s Spread) bool { return !s.Unknown })
	switch {
	case i >= 0:
		r.report.fail(rowUpstreams, all[i].Saw, all[i].Do)
	case len(all) > 0:
		r.report.Rows = append(r.report.Rows, Row{Name: rowUpstreams, Status: NotTried, Saw: all[0].Saw, Do: all[0].Do})
	default:
		r.report.ok(rowUpstreams, "whoami is asked where the request goes")
	}
	return true
}

// cookiePaths looks for cookies of the portal that whoami never gets, because they are
// for other paths: without Path in Set-Cookie a cookie is for the directory of the page
// that set it.
func (r *run) cookiePaths() bool {
	var narrow []browse.Cookie
	sealed := r.sealedCookies()
	for _, k := range sealed {
		if k.Path != "/" {
			narrow = append(narrow, k)
		}
	}
	if len(narrow) == 0 {
		r.report.ok(rowPaths, "every cookie of the portal is for all of its paths")
		return true
	}
	bare := r.portal.Uncovered(sealed)
	if len(bare) == 0 {
		r.report.ok(rowPaths, "handled by the gate: %s; whoami gets each by its own path", places(narrow))
		return true
	}
	k := bare[0]
	below := fmt.Sprintf("add a whoami below %s for a page there that names the customer, with `apart` if the other whoami names them without this cookie", k.Path)
	do := below
	switch needed, tried := r.signsInBelow(k); {
	case tried && !needed:
		do = fmt.Sprintf("`leave %s`: it signs nobody in, the customer's pages there are the same without it", k.Name)
	case !tried:
		do += fmt.Sprintf("; or `leave %s` if it signs nobody in", k.Name)
	}
	r.report.fail(rowPaths, fmt.Sprintf("%s: no whoami gets it, so the gate can't tell whose a request there is and answers 503", places(bare)), do)
	return true
}

// sealedCookies are the first customer's at the portal that the gate seals.
func (r *run) sealedCookies() []browse.Cookie {
	left := portal.NewLeave(r.site.Leave)
	return slices.DeleteFunc(r.first.direct.Cookies(), func(k browse.Cookie) bool { return left.Class(k.Name) != portal.Sealed })
}

// places names cookies with their paths.
func places(all []browse.Cookie) string {
	var text []string
	for _, k := range all {
		text = append(text, fmt.Sprintf("%s (path %s)", k.Name, k.Path))
	}
	return strings.Join(text, ", ")
}

// signsInBelow reports whether pages below a cookie's path need it to show the customer,
// or are content with it. tried is false if none of the pages known there shows the
// customer at all.
func (r *run) signsInBelow(k browse.Cookie) (needed, tried bool) {
	same := func(o browse.Cookie) bool { return o.Name == k.Name }
	shows := func(b *browse.Browser, address string) bool {
		p, err := r.look(b, address)
		if err != nil {
			return false
		}
		_, found := r.first.tell.in(p)
		return found
	}
	for _, address := range append(r.memberPages(r.first), r.at(k.Path)) {
		if !cookie.PathMatch(k.Path, pathOf(address)) || !shows(r.first.direct, address) {
			continue
		}
		tried = true
		without := shows(r.first.direct.Only(func(o browse.Cookie) bool { return !same(o) }), address)
		needed = needed || !without || shows(r.first.direct.Only(same), address)
	}
	return needed, tried
}

// commit holds what was seen at the portal against `settle`: when, after the response of
// a sign-in had ended, whoami named the customer.
func (r *run) commit() bool {
	settle := time.Duration(*r.site.Settle)
	switch {
	case r.committed.Kind != whoami.User:
		r.report.skip(rowCommit, "whoami, asked at the portal itself, did not name the customer after the sign-in")
	case r.late == 0:
		r.report.ok(rowCommit, "whoami names the customer as soon as the response of the sign-in has ended")
	case r.site.Rotates != nil && *r.site.Rotates:
		r.report.fail(rowCommit, fmt.Sprintf("the portal commits a sign-in up to %s after its response, and under `rotates` the gate does not wait for that", r.late),
			"take `rotates` out")
	case r.late > settle:
		r.report.fail(rowCommit, fmt.Sprintf("the portal commits a sign-in up to %s after its response, later than `settle` (%s)", r.late, settle),
			fmt.Sprintf("raise `settle`: `settle %s`", config.Duration(r.late+time.Second)))
	default:
		r.report.ok(rowCommit, "handled by the gate: the portal commits a sign-in up to %s after its response, within `settle` (%s)", r.late, settle)
	}
	return true
}
