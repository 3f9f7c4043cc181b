package caddyworld

import (
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// maxSteps bounds a program.
const maxSteps = 12

// drawPrograms draws some programs for one world, one after the other.
func drawPrograms(t *rapid.T, w world) []Step {
	programs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []Step { return drawProgram(t, w) }), 1, 8).Draw(t, "")
	var all []Step
	for i, p := range programs {
		if i > 0 {
			all = append(all, Step{Do: "restart"})
		}
		all = append(all, p...)
	}
	return all
}

func drawProgram(t *rapid.T, w world) []Step {
	steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Step { return drawStep(t, w) }), 1, maxSteps).Draw(t, "")
	if !often(t, 30) {
		return steps
	}
	// The owner uses one site or all of them during the whole program.
	owner := []Step{{By: "owner", Do: "enter"}}
	if len(w.sites) > 1 {
		owner = append(owner, Step{By: "owner", Do: "enter", Site: 1})
	}
	return slices.Concat(owner, steps, []Step{{By: "owner", Do: "look"}})
}

// drawStep draws a step of the attacker, and then changes it.
func drawStep(t *rapid.T, w world) Step {
	at := choose(t, len(w.sites))
	g := w.sites[at]
	if often(t, 8) {
		return Step{By: oneOf(t, "a", "b"), Do: "enter", Site: at}
	}
	if often(t, 8) {
		return Step{By: "owner", Do: "look", Site: at}
	}
	s := drawRequest(t, g)
	if often(t, 30) { // as a page asks for its furniture
		s.Header = append([]string{"Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: style"}, s.Header...)
	}
	s.Site, s.By = at, oneOf(t, "a", "a", "a", "b", "c")
	for range choose(t, 3) {
		disguise(t, g, &s)
	}
	for _, e := range g.extras {
		if strings.HasPrefix(e, "uri strip_prefix") && often(t, 40) {
			s.Target = strings.ReplaceAll(strings.ReplaceAll(e, "uri strip_prefix ", ""), "\n", "") + s.Target
		}
	}
	s.As = rarely(t, 20, "none", "mallory", "mallet")
	s.HTTP2 = g.tls && often(t, 40)
	return s
}

// drawRequest draws a request that makes sense in itself.
func drawRequest(t *rapid.T, g gated) Step {
	user := oneOf(t, "victim", "victim", "victim", "mallory", "staff")
	form := "user=" + user + "&password=" + password(user)
	switch choose(t, 8) {
	case 0, 1:
		return Step{Target: drawPage(t, g)}
	case 2:
		return Step{Target: oneOf(t, "/login", "/api/login", "/index.php?route=login"), Body: form}
	case 3:
		return Step{Target: with(oneOf(t, "/login", drawPage(t, g)), form, true)}
	case 4:
		return Step{Target: drawPage(t, g), Body: form}
	case 5:
		if len(g.rules) > 0 {
			p := g.rules[choose(t, len(g.rules))].place
			return Step{Target: p.target(), Header: p.header(), Body: rarely(t, 60, form)}
		}
		return Step{Target: "/api/login", Body: `{"user":"` + user + `","password":"` + password(user) + `"}`}
	case 6:
		if g.site.First == "token" {
			return drawGraphQL(t, user)
		}
		return Step{Target: oneOf(t, "/transfer", "/index.php?route=transfer"), Body: "amount=1"}
	}
	return Step{Target: oneOf(t, "/switch?user=victim", "/account", "/two-factor/", "/verify")}
}

func drawGraphQL(t *rapid.T, user string) Step {
	alias := oneOf(t, "", "x: ", "token: ")
	body := loginQuery(user, alias)
	if often(t, 30) {
		body = strings.Replace(body, "login(", oneOf(t, "me ", "login(user:\\\"mallory\\\",password:\\\"pw-mallory\\\") ", "y: me ")+alias+"login(", 1)
	}
	s := Step{Target: "/graphql", Body: body}
	if often(t, 30) {
		s.Header = []string{"Authorization: Bearer TOKEN"}
	}
	return s
}

// drawPage draws an address that shows the signed-in user.
func drawPage(t *rapid.T, g gated) string {
	pages := []string{"/data", "/static/app.css", "/index.php?route=data", "/nope", "/in", "/index.php/a.css?route=data", "/pub/a.css"}
	switch g.trigger {
	case "dead":
		pages = append(pages, "/dead", "/dead")
	case "error":
		pages = append(pages, "/broken", "/broken")
	}
	for _, e := range g.extras {
		for _, p := range []string{"/short", "/p/data", "/v1/data", "/v1/v2/data"} {
			if strings.Contains(e, p[:3]) {
				pages = append(pages, p)
			}
		}
	}
	return pages[choose(t, len(pages))]
}

// with adds parameters to an address, after or before its own.
func with(target, query string, behind bool) string {
	path, old, has := strings.Cut(target, "?")
	switch {
	case !has:
		return path + "?" + query
	case behind:
		return target + "&" + query
	}
	return path + "?" + query + "&" + old
}

// disguise makes the request match a rule of the operator as well, spells it in another way, or
// removes a part.
func disguise(t *rapid.T, g gated, s *Step) {
	switch choose(t, 8) {
	case 0, 1, 2:
		if len(g.rules) > 0 {
			mix(t, g.rules[choose(t, len(g.rules))].place, s)
			return
		}
		fallthrough
	case 3:
		s.Target = respell(t, s.Target)
	case 4:
		s.Without = []int{choose(t, 3)}
	case 5:
		s.From = oneOf(t, "a", "b", "c")
	case 6:
		s.Header = append(s.Header, oneOf(t, "X-Remote-User: victim", "X-Account: victim", "X-Key: key-victim", "X-Kind: data", "Authorization: Basic dmljdGltOnB3LXZpY3RpbQ==",
			"Authorization: Bearer TOKEN", "Accept: */*", "Range: bytes=0-", "If-None-Match: *", "Content-Type: text/plain"))
	case 7:
		s.Method = oneOf(t, "POST", "HEAD", "PUT", "OPTIONS")
	}
}

// mix has the request look like one for the place as well.
func mix(t *rapid.T, p place, s *Step) {
	behind := often(t, 50)
	switch {
	case p.route != "":
		s.Target = with(s.Target, oneOf(t, "route", "route", "%72oute")+"="+p.route, behind)
		if often(t, 50) {
			_, query, _ := strings.Cut(s.Target, "?")
			s.Target = "/index.php?" + query
		}
		if often(t, 40) {
			s.Target = with(s.Target, "route="+oneOf(t, "data", "login", "transfer"), !behind)
		}
		if often(t, 15) {
			s.Target = strings.ReplaceAll(s.Target, "&", ";")
		}
	case p.kind != "":
		s.Target = oneOf(t, "/in", s.Target)
		s.Header = insert(s.Header, p.header()[0], behind)
		if often(t, 50) {
			s.Header = insert(s.Header, "X-Kind: data", !behind)
		}
	default:
		path, query, has := strings.Cut(s.Target, "?")
		s.Target = p.prefix + p.path + oneOf(t, "/..", "/../..", "/%2e%2e/%2e%2e", ";x", "/..;/..", "%2f..%2f..", "/x.css") + path
		if has {
			s.Target += "?" + query
		}
	}
}

func insert(lines []string, line string, behind bool) []string {
	if behind {
		return append(slices.Clone(lines), line)
	}
	return append([]string{line}, lines...)
}

// respell writes the path of an address in another way.
func respell(t *rapid.T, target string) string {
	path, query, has := strings.Cut(target, "?")
	last := strings.LastIndexByte(path, '/') + 1
	switch choose(t, 8) {
	case 0:
		path = "/" + path
	case 1:
		path = "/." + path
	case 2:
		path += "/"
	case 3:
		path = "/x/.." + path
	case 4:
		path += ";x"
	case 5:
		if last < len(path) {
			const hex = "0123456789abcdef"
			path = path[:last] + "%" + string(hex[path[last]>>4]) + string(hex[path[last]&15]) + path[last+1:]
		}
	case 6:
		path += "/x.css"
	case 7:
		path = strings.ToUpper(path)
	}
	if has {
		path += "?" + query
	}
	return path
}
