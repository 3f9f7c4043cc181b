package upstreams

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/caddyplugin/routes"
)

// A question goes through the handlers behind its gate. If a handler other than the proxy
// answers it, the answer does not come from the portal and proves nothing.

// answered adds a warning if Caddy itself answers a question. at tells whether the question
// surely reaches this answer. If it may do so only for some visitors, the warning is added only
// if whoami would take the answer for that to a stranger. by names the directive that answers.
func (w *questionWalk) answered(at certainty, status int, location, by string) {
	stranger := w.strangers(status, location)
	switch {
	case w.any || !w.behind || at == never:
	case w.turned && stranger:
		w.warnings = append(w.warnings, by+" behind two_factor turns a failure of the portal into a response that whoami "+w.uri+" treats as a stranger's: "+
			"a visitor who makes whoami fail, for example by a flood of requests, owes no code; answer failures with the status 502 or 503, or let handle_response (intercept) look at status 401 alone")
	case !w.turned && (stranger && w.narrow || at == surely):
		w.warnings = append(w.warnings, by+" behind two_factor answers whoami "+w.uri+" in the portal's place, so that a signed-in user is not recognised, or is treated as a stranger who owes no code: "+
			"put it before two_factor, in a route (questions start behind two_factor), or choose an address for whoami that the portal answers")
	}
}

// strangers reports whether a response has one of the question's signs that no user is signed
// in (`anonymous`).
func (w *questionWalk) strangers(status int, location string) bool {
	for _, q := range w.settings.Whoami {
		for _, sign := range q.Anonymous {
			glob, err := regexp.Compile("^(?s:" + strings.ReplaceAll(regexp.QuoteMeta(sign.Redirect), `\*`, ".*") + ")$")
			redirected := err == nil && sign.Redirect != "" && status/100 == 3 && glob.MatchString(location)
			if q.URI == w.uri && (redirected || slices.Contains(sign.Status, status)) {
				return true
			}
		}
	}
	return false
}

// static visits a handler `respond` or `redir`, which answers the question. It returns with
// which certainty the question continues.
func (w *questionWalk) static(h *caddyhttp.StaticResponse, at certainty) certainty {
	status, err := strconv.Atoi(string(h.StatusCode))
	if err != nil {
		status = http.StatusOK
	}
	if status == http.StatusEarlyHints {
		return at
	}
	location, by := "", fmt.Sprintf("`respond` (%d)", status)
	if to := http.Header(h.Headers)["Location"]; len(to) > 0 {
		location, by = routes.Mentioned.ReplaceAllString(to[0], ""), "`redir "+to[0]+"`"
	}
	w.answered(at, status, location, by)
	return never
}

// responses visits the routes in handle_response of a proxy or an `intercept`, and returns with
// which certainty the question continues to the handlers behind them.
func (w *questionWalk) responses(list []caddyhttp.ResponseHandler, at certainty) certainty {
	best := never
	for _, r := range list {
		if at == never {
			break
		}
		if r.StatusCode != "" {
			if status, err := strconv.Atoi(string(r.StatusCode)); err == nil && fails(r.Match) {
				w.turn(func() { w.answered(perhaps, status, "", "`replace_status` ("+string(r.StatusCode)+")") })
			}
			continue
		}
		if !w.any && fails(r.Match) {
			w.turn(func() { w.fallback(r.Routes) })
		}
		if w.any || succeeds(r.Match) {
			values := maps.Clone(w.values)
			best = max(best, w.routes(r.Routes, min(at, perhaps)))
			w.values = either(values, w.values)
		}
	}
	return best
}

// turn calls walk with w.turned set: walk visits what happens to failed responses.
func (w *questionWalk) turn(walk func()) {
	before := w.turned
	w.turned = true
	walk()
	w.turned = before
}

// fallback visits routes that are taken if whoami's response is a failure. Proxies in them don't
// count as reached, because they get no question that the portal answers.
func (w *questionWalk) fallback(routes caddyhttp.RouteList) {
	reached, values := len(w.reached), maps.Clone(w.values)
	w.routes(routes, perhaps)
	w.reached, w.values = w.reached[:reached], values
}

// succeeds reports whether a response matcher may match a status 2xx.
func succeeds(m *caddyhttp.ResponseMatcher) bool {
	return m == nil || len(m.StatusCode) == 0 || slices.ContainsFunc(m.StatusCode, func(s int) bool { return s == 2 || s/100 == 2 })
}

// fails reports whether a response matcher may match a failure: a status 4xx or 5xx except 401,
// which is a usual answer to strangers.
func fails(m *caddyhttp.ResponseMatcher) bool {
	return m == nil || len(m.StatusCode) == 0 || slices.ContainsFunc(m.StatusCode, func(s int) bool {
		return s == 4 || s == 5 || s >= 400 && s != http.StatusUnauthorized
	})
}
