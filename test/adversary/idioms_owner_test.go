package adversary

import "time"

// This file has idioms about the owner's browser, restarts of the gateway, and questions.

// steps are some of the owner's steps, without the last one.
func (d drawer) steps() Action {
	return Action{Do: "owner", Of: draw(d.t, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)}
}

func (d drawer) seconds(values ...int) time.Duration {
	return time.Duration(draw(d.t, values...)) * time.Second
}

// stopsAt is where a request of the owner stops that is given up or cut off.
func (d drawer) stopsAt() string {
	return draw(d.t, "arrive", "read", "commit", "committed", "sent", "body", "last byte")
}

// mishap is a step of the owner that goes wrong.
func (d drawer) mishap() Program {
	a := d.steps()
	switch a.Extra = draw(d.t, "lost", "stop", "killed", "double"); a.Extra {
	case "stop":
		a.Hold, a.For = d.stopsAt(), d.seconds(0, 1, 3, 12, 25)
	case "killed":
		a.Hold, a.For = d.stopsAt(), d.seconds(0, 1, 3, 12)
	}
	p := Program{a}
	if draw(d.t, false, false, true) {
		p = append(Program{{Do: "owner", Of: draw(d.t, 0, 1, 2, 3)}, draw(d.t, Action{Do: "late", Page: "poll"}, Action{Do: "late", Page: "data", Hold: "read"}, Action{Do: "restart"})}, p...)
	}
	return p
}

// late is a background request of the owner's that arrives late.
func (d drawer) late() Program {
	a := Action{
		Do: "late", Page: draw(d.t, "data", "poll", "style.css", "account", "events", ""), Kind: draw(d.t, "", "prefetch", "beacon"),
		Of: draw(d.t, 0, 1, 2, 3), Hold: draw(d.t, "", "", "arrive", "read", "headers", "sent"),
	}
	return Program{d.steps(), a, {Do: "owner", Of: draw(d.t, 0, 0, 1, 2)}, {Do: "arrive"}, a, {Do: "owner", Of: draw(d.t, 0, 1)}}
}

// elsewhere are requests that another site's page causes in the owner's visit.
func (d drawer) elsewhere() Program {
	kind := draw(d.t, "form", "img", "fetch", "frame")
	page := draw(d.t, "change", "data", "poll", "style.css", "events")
	switch kind {
	case "form":
		page = "change"
	case "fetch":
		page = draw(d.t, "change", "data", "login", "poll")
	}
	a := Action{Do: "elsewhere", Kind: kind, Page: page}
	p := Program{{Do: "owner", Of: draw(d.t, 3, 4, 5, 6)}}
	if draw(d.t, true, false) {
		p = append(p, d.ms(70_000, 51_000), Action{Do: "late", Page: draw(d.t, "style.css", "events", "poll"), Of: 0, Hold: draw(d.t, "", "sent")})
	}
	return append(p, a, Action{Do: "owner"})
}

// openTab is a tab of the owner's that loads an asset when answers have run out.
func (d drawer) openTab() Program {
	return Program{{Do: "owner", Of: 5}, {Do: "owner", Kind: "script"}, {Do: draw(d.t, "restart", "reload", "wait"), For: time.Second}, {Do: "owner"}}
}

// restarts is a restart beside a sign-in of the attacker's.
func (d drawer) restarts() Program {
	again := Action{Do: draw(d.t, "restart", "restart", "restart", "reload")}
	p := Program{{Do: "sign in", As: draw(d.t, own, own, enrolled)}, d.ms(2100, 5000), {Do: draw(d.t, "get", "keep"), Page: "data"}}
	if draw(d.t, false, false, true) {
		p = Program{{Do: "get"}}
	}
	held := Action{Do: draw(d.t, "sign in", "another way"), As: victim, Hold: draw(d.t, "", "arrive", "read", "commit", "committed", "sent", "body"), Async: draw(d.t, false, true)}
	if draw(d.t, false, false, true) {
		held = d.slow()[0]
	}
	p = append(p, held)
	if draw(d.t, false, false, true) {
		p = append(p, d.leave()...)
	}
	p = append(p, again)
	if draw(d.t, false, true) {
		p = append(p, d.ms(100, 2100, 5000))
	}
	look := func() Action {
		return Action{Do: "get", Page: draw(d.t, "data", "long", "account"), Hold: draw(d.t, "", "", "arrive", "read"), Async: draw(d.t, false, true)}
	}
	p = append(p, draw(d.t, look(), d.offer(), Action{Do: "sign in", As: draw(d.t, own, victim)}), Action{Do: "go on", Of: draw(d.t, 0, 1, 1)}, d.ms(800, 100, 2100))
	return append(p, look(), Action{Do: "go on", Of: draw(d.t, 0, 1)}, d.probe()[0])
}

// troubled is a question that takes long or fails, of the owner's or beside a sign-in.
func (d drawer) troubled() Program {
	a := Action{Do: "trouble", Kind: draw(d.t, "fail", "slow", "stale"), Of: draw(d.t, 0, 0, 1, 2, 5), For: d.seconds(1, 3, 7, 12)}
	if draw(d.t, false, true) {
		return Program{d.steps(), a, {Do: "owner", Of: draw(d.t, 0, 1)}}
	}
	first := draw(d.t, Program{{Do: "sign in", As: own}, d.ms(2100, 5000), {Do: "get", Page: "data"}}, Program{{Do: "get"}})
	sign := Action{Do: draw(d.t, "sign in", "another way", "another way"), As: victim, Hold: draw(d.t, "", "", "arrive", "read", "committed"), Async: draw(d.t, false, true)}
	p := append(first, a, draw(d.t, sign, d.slow()[0], Action{Do: "get", Page: "data", Async: true}), draw(d.t, sign, d.probe()[0]))
	return append(p, d.ms(100, 1000, 2100), d.probe()[0], Action{Do: "go on", Of: draw(d.t, 0, 1)}, Action{Do: "get", Page: "data"})
}

// ownBeside are the gateway's own pages beside forms of the portal.
func (d drawer) ownBeside() Program {
	page := func() Action {
		return draw(d.t,
			Action{Do: "get", Page: "own " + draw(d.t, "/", "/setup", "/challenge", "/backup-codes", "/disable")},
			Action{Do: "set factor"}, Action{Do: "set factor", Async: true}, Action{Do: "code", As: enrolled, Page: draw(d.t, "", "/disable", "/setup", "/backup-codes"), Async: draw(d.t, false, true)},
		)
	}
	user := draw(d.t, own, own, enrolled)
	p := Program{{Do: "get"}, {Do: "sign in", As: user}}
	if user == enrolled {
		p = append(p, Action{Do: "code", As: enrolled})
	}
	p = append(p, page(), d.ms(100, 5000), Action{Do: draw(d.t, "sign in", "another way"), As: victim, Hold: draw(d.t, "", "arrive", "read", "commit", "committed", "sent"), Async: draw(d.t, false, true)})
	return append(p, page(), page(), Action{Do: "go on"}, page(), Action{Do: "get", Page: "data"})
}
