package adversary

import (
	"slices"
	"time"

	"pgregory.net/rapid"
)

// drawProgram concatenates idioms. An idiom is a part of an attack that needs several steps. Each
// step may be omitted.
func drawProgram(t *rapid.T, w World) (p Program) {
	for _, idiom := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Program { return drawIdiom(t, w) }), 1, 9).Draw(t, "") {
		p = append(p, idiom...)
	}
	return p[:min(len(p), maxActions)]
}

func drawIdiom(t *rapid.T, w World) (kept Program) {
	d := drawer{t, w, draw(t, 0, 0, 0, 0, 0, 0, 1, 2)}
	for _, a := range d.idiom() {
		if !slices.Contains([]string{"owner", "late", "arrive", "elsewhere", "trouble", "restart", "reload"}, a.Do) {
			a.Jar = d.jar
		}
		// Nothing is left out of most; rapid shrinks towards leaving out.
		if rapid.IntRange(0, 15).Draw(t, "") != 0 {
			kept = append(kept, a)
		}
	}
	return kept
}

// drawer draws the idioms of one jar.
type drawer struct {
	t   *rapid.T
	w   World
	jar int
}

// idiom draws one of the pieces of an attack.
func (d drawer) idiom() Program {
	idioms := []func() Program{
		d.probe, d.probe, d.probe, d.signIn, d.signIn, d.ownFirst, d.ownFirst, d.anonymousFirst, d.slow, d.slow, d.goOn, d.goOn,
		d.leave, d.leave, d.wait, d.otherWay, d.otherWay, d.heldSignIn, d.heldSignIn, d.together, d.chosenID, d.inTunnel,
		d.inTunnel, d.begins, d.begins, d.keptBack, d.overwritten, d.twoSessions, d.ends, d.codes, d.owner, d.owner, d.signOut, d.longHold, d.longHold, d.samePage, d.ownPages, d.extras,
	}
	idioms = append(idioms, d.mishap, d.mishap, d.late, d.late, d.elsewhere, d.openTab, d.restarts, d.restarts, d.troubled, d.troubled, d.ownBeside)
	// Idioms about the world's special features are drawn more often.
	if d.w.IDs != "" {
		idioms = append(idioms, d.chosenID, d.chosenID, d.chosenID)
	}
	if d.w.SignIn != "" {
		idioms = append(idioms, d.otherWay, d.longHold, d.heldSignIn)
	}
	if d.w.Pin != "" {
		idioms = append(idioms, d.samePage, d.samePage)
	}
	if d.w.SignIn == "graphql" {
		idioms = append(idioms, d.several, d.several, d.several)
	}
	if d.w.Single {
		idioms = append(idioms, d.twoBrowsers, d.twoBrowsers, d.twoBrowsers)
	}
	if d.w.Unenrolled {
		idioms = append(idioms, d.setsUp, d.setsUp, d.setsUp)
	}
	if d.w.WatchUnsafe {
		idioms = append(idioms, d.begins, d.begins, d.begins)
	}
	if d.w.Whole {
		idioms = append(idioms, d.overwritten, d.overwritten)
	}
	if d.w.Renews != "" {
		idioms = append(idioms, d.elsewhere, d.elsewhere, d.openTab, d.openTab, d.openTab)
	}
	if d.w.Revives {
		idioms = append(idioms, d.revives, d.revives)
	}
	return draw(d.t, idioms...)()
}

func (d drawer) who() string { return draw(d.t, victim, victim, victim, own, enrolled) }

func (d drawer) page() string {
	return draw(d.t, "data", "data", "account", "", "renew", "long", "moved", "broken", "events", "poll", "whoami", "nowhere", "style.css")
}

// spell writes the path as usual most of the time.
func (d drawer) spell() string {
	return odd(d.t, "paths", 4, "", "dot", "app", "root", "inner", "slashes", "slash", "info", "info up", "out up", "upper", "APP", "encoded", "asset", "encoded/", "param")
}

func (d drawer) cookies() string {
	return odd(d.t, "cookies", 8, "", "old", "first", "none", "without 0", "without 1", "without 2", "beside", "kept", "visit")
}

func (d drawer) pin() string {
	if d.w.Pin == "" {
		return ""
	}
	return draw(d.t, "", "", "", "other", "none")
}

func (d drawer) kind() string { return odd(d.t, "", 4, "", "script", "events", "bare") }

// kindOf is the kind of request that asks for a page.
func (d drawer) kindOf(page string) string {
	if page == "events" {
		return draw(d.t, "events", "", "script")
	}
	return d.kind()
}

// dress gives an action a spelling, cookies and headers.
func (d drawer) dress(a Action) Action {
	a.Spell, a.Cookies, a.Pin = d.spell(), d.cookies(), d.pin()
	return a
}

func (d drawer) probe() Program {
	page := d.page()
	a := d.dress(Action{Do: draw(d.t, "get", "get", "get", "get", "post", "head", "change"), Page: page, Kind: d.kindOf(page)})
	if a.Do == "change" {
		a.Page = ""
	}
	return Program{a}
}

func (d drawer) signIn() Program {
	return Program{d.dress(Action{Do: "get"}), d.dress(Action{Do: "sign in", As: d.who()})}
}

func (d drawer) ownFirst() Program {
	user := draw(d.t, own, own, own, enrolled)
	p := Program{d.dress(Action{Do: "get"}), d.dress(Action{Do: "sign in", As: user})}
	if user == enrolled {
		p = append(p, Action{Do: "code", As: enrolled})
	}
	return append(p, Action{Do: "get", Page: "data", Pin: d.pin()})
}

func (d drawer) anonymousFirst() Program {
	return Program{{Do: "get", Spell: draw(d.t, "app", "inner", "root", "info", "dot", "APP"), Pin: d.pin()}}
}

func (d drawer) hold() string {
	return draw(d.t, "arrive", "read", "commit", "committed", "headers", "sent", "body", "part", "wait", "last byte")
}

func (d drawer) slow() Program {
	page := draw(d.t, "events", "long", "poll", "data", "account", "moved")
	return Program{d.dress(Action{Do: "get", Page: page, Kind: d.kindOf(page), Hold: draw(d.t, "", "arrive", "read", "headers", "sent", "part", "wait", "body"), Async: draw(d.t, true, false)})}
}

func (d drawer) goOn() Program {
	return Program{{Do: "go on", Of: draw(d.t, 0, 0, 1, 2), Hold: draw(d.t, "", "", "committed", "sent", "body"), Async: draw(d.t, false, true)}}
}

func (d drawer) leave() Program {
	return Program{{Do: draw(d.t, "drop", "drop", "half-close"), Of: draw(d.t, 0, 0, 1)}}
}

func (d drawer) wait() Program {
	ms := draw(d.t, 100, 1000, 2100, 5000, 21_000, 61_000, 31*60_000)
	return Program{{Do: "wait", For: time.Duration(ms) * time.Millisecond}}
}

func (d drawer) otherWay() Program {
	return Program{d.dress(Action{Do: "another way", As: d.who(), Hold: draw(d.t, "", "", "arrive", "read", "committed", "sent"), Kind: d.kind()})}
}

// heldSignIn draws a sign-in that stops on its way, and the attacker's requests meanwhile.
func (d drawer) heldSignIn() Program {
	p := Program{d.dress(Action{Do: draw(d.t, "sign in", "sign in", "another way"), As: victim, Hold: d.hold(), Async: draw(d.t, false, true)})}
	switch draw(d.t, 0, 1, 2, 3) {
	case 1:
		p = append(p, d.probe()...)
	case 2:
		p = append(p, Action{Do: "wait", For: 1100 * time.Millisecond})
	case 3:
		p = append(p, d.leave()...)
	}
	return p
}

// together sends several requests in one moment.
func (d drawer) together() (p Program) {
	for range draw(d.t, 2, 3, 4) {
		a := d.probe()[0]
		a.Async = true
		p = append(p, a)
	}
	return p
}

func (d drawer) chosenID() Program {
	if !varies("ids") {
		return d.probe()
	}
	ways := []string{"body", "query", "path", "json", "cookie", "multipart", "text", "text json", "untyped"}
	way, cookies := draw(d.t, ways...), draw(d.t, "none", "")
	return Program{
		{Do: "sign in", As: draw(d.t, victim, victim, own), ID: draw(d.t, way, way, "body", "path"), Cookies: cookies},
		{Do: draw(d.t, "post", "get"), Page: "data", ID: way, Cookies: cookies},
	}
}

// inTunnel opens a tunnel and signs in inside of it.
func (d drawer) inTunnel() Program {
	if !varies("tunnels") {
		return d.slow()
	}
	if draw(d.t, false, false, true) {
		return Program{
			{Do: "sign in", As: own}, d.ms(2100, 5000), d.offer(), {Do: draw(d.t, "another way", "sign in"), As: victim, Hold: draw(d.t, "arrive", "read", "committed")},
			{Do: "drop"}, {Do: draw(d.t, "order", "get")}, d.ms(2100, 5000),
		}
	}
	if draw(d.t, false, true) {
		return Program{{Do: "sign in", As: own}, {Do: "wait", For: 2100 * time.Millisecond}, d.offer(), {Do: draw(d.t, "sign in", "another way"), As: victim}, {Do: "wait", For: 5 * time.Second}}
	}
	return Program{{Do: "tunnel", Async: true, Kind: draw(d.t, "script", "")}, {Do: "frame", As: victim}, {Do: "get", Page: "data"}}
}

// offer opens a tunnel, or offers one to a page with a long response.
func (d drawer) offer() Action {
	return draw(d.t, Action{Do: "tunnel", Async: true}, Action{Do: "get", Page: "events", Extra: "upgrade", Async: true}, Action{Do: "get", Page: "long", Extra: "upgrade", Async: true})
}

func (d drawer) codes() Program {
	return Program{
		draw(d.t, Action{Do: "code", As: enrolled}, Action{Do: "code", As: victim}, Action{Do: "code", As: enrolled, Async: true}),
		Action{Do: draw(d.t, "again", "get"), Page: "data", Async: draw(d.t, false, true)},
	}
}

// ownPages visits pages of the gateway's.
func (d drawer) ownPages() Program {
	return Program{{Do: draw(d.t, "get", "post"), Page: "own " + draw(d.t, "/", "/setup", "/challenge", "/backup-codes", "/disable", "/help")}}
}

// extras asks with headers that the gateway has to strip.
func (d drawer) extras() Program {
	if !varies("ids") {
		return d.probe()
	}
	return Program{
		{Do: "sign in", As: victim, Extra: "override"},
		{Do: draw(d.t, "get", "post"), Page: "data", Extra: draw(d.t, "", "basic")},
	}
}

func (d drawer) owner() (p Program) {
	for range draw(d.t, 1, 2, 3) {
		p = append(p, Action{Do: "owner"})
	}
	return p
}

func (d drawer) signOut() Program { return Program{d.dress(Action{Do: "sign out"})} }

// longHold is a sign-in that the client gives up, or that takes longer than its proxy waits.
func (d drawer) longHold() Program {
	first := draw(d.t, Action{Do: "get"}, Action{Do: "sign in", As: own}, Action{Do: "another way", As: own})
	p := Program{
		first,
		{Do: draw(d.t, "another way", "another way", "sign in"), As: victim, Hold: draw(d.t, "arrive", "arrive", "read", "headers")},
		draw(d.t, Action{Do: "drop"}, Action{Do: "half-close"}, Action{Do: "wait", For: 21 * time.Second}),
	}
	if d.w.Persists {
		p = append(p, d.ms(2500, 35_000, 61_000)) // longer than the gate waits
	}
	p = append(p, Action{Do: "get", Page: "data", Kind: d.kind()})
	if d.w.Persists {
		p = append(p, d.ms(21_000, 46_000), Action{Do: "get", Page: "data"})
	}
	return p
}

// samePage asks for one page several times, with other headers or cookies each time.
func (d drawer) samePage() (p Program) {
	page, async := d.page(), draw(d.t, false, true)
	for range draw(d.t, 2, 3) {
		p = append(p, d.dress(Action{Do: "get", Page: page, Async: async}))
	}
	return p
}
