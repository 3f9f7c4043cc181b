package adversary

import "time"

// This file has idioms about visits: how they begin, which sessions they have, and how they end.

// headed is an extra header, now and then.
func (d drawer) headed() string { return odd(d.t, "visits", 2, "", "client") }

func (d drawer) ms(values ...int) Action {
	return Action{Do: "wait", For: time.Duration(draw(d.t, values...)) * time.Millisecond}
}

// begins is a visit that does not begin with a page but with a sign-in or a stream, and with a
// header that browsers do not send.
func (d drawer) begins() Program {
	first := Action{Do: draw(d.t, "sign in", "sign in", "another way"), As: d.who(), Extra: d.headed(), Async: draw(d.t, false, false, true)}
	if draw(d.t, false, false, true) {
		page := draw(d.t, "events", "long", "poll")
		first = Action{Do: "get", Page: page, Kind: d.kindOf(page), Extra: d.headed(), Hold: draw(d.t, "", "part", "wait")}
	}
	first.Cookies = draw(d.t, "", "none")
	p := Program{first, d.ms(50, 500, 810, 1000, 5000, 25_000)}
	if draw(d.t, false, true) {
		p = Program{first, {Do: "get", Page: "data", Hold: draw(d.t, "arrive", "")}, p[1]}
	}
	switch draw(d.t, 0, 1, 2) {
	case 1:
		p = append(p, Action{Do: "sign in", As: d.who(), Async: draw(d.t, true, false), Hold: draw(d.t, "", "committed", "body")}, d.ms(500, 810))
	case 2:
		p = append(p, Action{Do: "go on", Of: draw(d.t, 0, 1)})
	}
	return append(p, d.probe()...)
}

// keptBack draws a request without a body that ends only after another request has run.
func (d drawer) keptBack() Program {
	held := Action{Do: draw(d.t, "get", "get", "head"), Page: draw(d.t, "data", "account", "long"), Hold: "last byte", Async: true, Extra: draw(d.t, "", "http2")}
	p := Program{held}
	if draw(d.t, true, true, false) {
		p = Program{{Do: "sign in", As: own}, {Do: "wait", For: 2100 * time.Millisecond}, {Do: "get", Page: "data"}, held}
	}
	if draw(d.t, true, false) {
		return append(p, d.ms(50, 200), Action{Do: "tunnel", Async: true}, d.ms(50, 200), Action{Do: "frame", As: victim}, d.ms(100, 3000), Action{Do: "go on", Of: 1})
	}
	p = append(p, Action{Do: draw(d.t, "sign in", "another way"), As: victim, Async: draw(d.t, false, true)}, d.ms(100, 1000, 3000, 61_000))
	return append(p, Action{Do: "go on", Of: draw(d.t, 0, 1)})
}

// overwritten draws a sign-in during a response that began earlier and continues after it.
func (d drawer) overwritten() Program {
	first := draw(d.t, Action{Page: "long", Hold: "part"}, Action{Page: "events", Hold: "part"}, Action{Page: "poll", Hold: "wait"})
	first.Do, first.Kind, first.Extra = "get", d.kindOf(first.Page), d.headed()
	p := Program{first, d.ms(25_000, 1100)}
	if draw(d.t, false, true) {
		p = append(Program{{Do: "get"}}, p...)
	}
	p = append(p, Action{Do: "sign in", As: victim, Hold: draw(d.t, "body", "sent")}, Action{Do: "go on", Of: 1}, d.ms(500, 21_000))
	return append(p, Action{Do: "go on"})
}

// twoSessions are two sessions in one visit, with a tunnel or a stream over one of them.
func (d drawer) twoSessions() Program {
	if !varies("visits") {
		return d.inTunnel()
	}
	kept := func() string { return draw(d.t, "kept", "kept", "") }
	p := Program{{Do: "sign in", As: draw(d.t, own, own, enrolled)}, {Do: "wait", For: 5 * time.Second}, {Do: "get", Page: draw(d.t, "data", "renew")}, {Do: "keep"}}
	second := draw(d.t, Action{Do: "sign in", As: own, Cookies: "visit"}, Action{Do: "get", Page: "renew"}, Action{Do: "get", Cookies: "visit"})
	tunnel := Action{Do: "tunnel", Async: true, Cookies: kept()}
	if draw(d.t, false, true) {
		p = append(p, second, tunnel)
	} else {
		p = append(p, tunnel, second)
	}
	p = append(p, d.ms(2100, 5000), Action{Do: draw(d.t, "sign in", "another way"), As: victim, Cookies: kept(), Async: draw(d.t, true, false), Hold: draw(d.t, "", "", "committed", "sent", "body")})
	return append(p, draw(d.t,
		Program{{Do: "order"}, {Do: "wait", For: 5 * time.Second}},
		Program{{Do: "get", Page: "data"}, d.ms(5000, 70_000), {Do: "get", Page: "data"}, d.ms(5000, 61_000)},
		Program{d.ms(1000), {Do: "order"}, d.ms(5000), {Do: "order"}, d.ms(5000)},
	)...)
}

// several are sign-ins in one request.
func (d drawer) several() Program {
	return Program{d.dress(Action{
		Do: "several", As: victim, With: draw(d.t, own, "", enrolled), Extra: draw(d.t, "", "batch", "described", "address"), Hold: draw(d.t, "", "", "sent", "committed"),
	})}
}

// twoBrowsers sign one user in, one while the other is on its way.
func (d drawer) twoBrowsers() Program {
	first, second := d.dress(Action{Do: "sign in", As: victim, Async: draw(d.t, true, false), Hold: draw(d.t, "", "", "commit", "committed", "sent")}), Action{Do: "sign in", As: victim}
	return Program{{Do: "get"}, first, {Do: "get", Cookies: "none"}, second, {Do: "go on"}}
}

// ends are sessions of the attacker's that staff end, and the attacker's requests afterwards.
func (d drawer) ends() Program {
	if !varies("visits") {
		return d.signOut()
	}
	user := draw(d.t, own, own, own, enrolled)
	p := Program{{Do: "get"}, {Do: "sign in", As: user}}
	if user == enrolled {
		p = append(p, Action{Do: "code", As: enrolled})
	}
	p = append(p, Action{Do: "get", Page: draw(d.t, "data", "renew")}, d.ms(2100, 5000), draw(d.t, Action{Do: "keep"}, Action{Do: "get", Page: "data"}))
	p = append(p, draw(d.t, d.slow()[0], d.offer(), Action{Do: "get", Page: draw(d.t, "long", "events"), Hold: "part"}, Action{Do: "keep"}))
	p = append(p, Action{Do: "end sessions", As: user}, d.ms(50, 1100, 5000, 61_000))
	return append(p, d.dress(Action{Do: "get", Page: "data", Cookies: "kept"}), d.probe()[0])
}

// setsUp is a user who gets a second factor while something runs.
func (d drawer) setsUp() Program {
	p := Program{{Do: "get"}, {Do: "sign in", As: victim}, d.ms(50, 2100, 5000)}
	page := draw(d.t, "events", "long", "poll", "data", "account")
	p = append(p, draw(d.t,
		Action{Do: "get", Page: page, Kind: d.kindOf(page), Hold: draw(d.t, "", "part", "wait", "arrive", "read", "last byte"), Async: draw(d.t, true, false)},
		d.offer(),
		Action{Do: "change", Hold: draw(d.t, "last byte", "arrive"), Async: true},
	))
	p = append(p, Action{Do: "set up"}, d.ms(50, 1100, 5000, 61_000))
	return append(p, draw(d.t, Action{Do: "go on"}, Action{Do: "order"}, d.probe()[0]), d.probe()[0])
}

// revives are sessions that a cookie of before signs in.
func (d drawer) revives() Program {
	p := Program{{Do: "get"}, {Do: "sign in", As: d.who()}, {Do: "keep"}, d.ms(2100, 5000)}
	if draw(d.t, false, true) {
		p = append(p, Action{Do: "end sessions", As: own}, d.ms(1100, 5000))
	}
	return append(p, Action{Do: "get", Cookies: "visit"}, Action{Do: "get", Page: "data"}, d.dress(Action{Do: "get", Page: "data"}), Action{Do: "get", Page: "data", Cookies: draw(d.t, "", "kept", "old", "without 1")}, d.ms(100, 1000), Action{Do: "get", Page: "data"})
}
