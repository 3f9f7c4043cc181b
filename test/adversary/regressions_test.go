package adversary

import (
	"slices"
	"strings"
	"testing"
	"time"
)

type regression struct {
	name    string
	world   World
	program Program
	// open says that the program still finds a fault in the gateway.
	open bool
}

// regressions are programs that found a fault once, as the adversary printed them. Each name
// begins with a row of the threat model.
var regressions = []regression{
	{
		name:  "H1 cookie below the page that is asked",
		world: World{CookiePath: "/app", Lazy: true},
		program: Program{
			{Do: "sign in", As: "victim"},
			{Do: "get", Spell: "app"},
		},
	},
	{
		name:  "H1 sign-in at a path with a dot",
		world: World{CookiePath: "none", Lazy: true},
		program: Program{
			{Do: "sign in", As: "victim", Spell: "dot"},
			{Do: "get", Page: "data", Spell: "dot"},
		},
	},
	{
		name:  "H1 anonymous twin below the directory of the page that is asked",
		world: World{CookiePath: "none", Whoami: "/app/whoami"},
		program: Program{
			{Do: "get", Spell: "app"},
			{Do: "sign in", As: "victim"},
		},
	},
	{
		name:  "H2 session written after the headers",
		world: World{Commit: "after headers", Answer: "302 body"},
		program: Program{
			{Do: "sign in", As: "victim"},
		},
	},
	{
		name:  "H2 session of an own account, written at the end",
		world: World{Commit: "at end", Answer: "200"},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "sign in", As: "victim"},
		},
	},
	{
		name:  "H3 session id in a body",
		world: World{Loose: true, IDs: "body"},
		program: Program{
			{Do: "sign in", As: "victim", Cookies: "none", ID: "body"},
			{Do: "post", Page: "data", Cookies: "none", ID: "body"},
		},
	},
	{
		name:  "H4 header that no question has",
		world: World{Pin: "Accept-Encoding"},
		program: Program{
			{Do: "sign in", As: "victim"},
		},
	},
	{
		name:  "H4 header that no key has",
		world: World{Pin: "Accept-Charset", WatchUnsafe: true},
		program: Program{
			{Do: "get"},
			{Do: "sign in", As: "victim"},
			{Do: "get", Page: "data", Pin: "other"},
		},
	},
	{
		name:  "H5 client that leaves a link",
		world: World{SignIn: "link", Undeclared: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "another way", As: "victim", Hold: "arrive"},
			{Do: "drop"},
		},
	},
	{
		name:  "H6 stream of before the sign-in",
		world: World{Follow: true},
		program: Program{
			{Do: "get", Page: "events", Kind: "events"},
			{Do: "sign in", As: "victim"},
		},
	},
	{
		name:  "H7 sign-in inside of a frame",
		world: World{},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "tunnel", Kind: "script", Async: true},
			{Do: "frame", As: "victim"},
		},
	},
	{
		name:  "H2 client that half-closes a sign-in, whose session is written after the time to finish",
		world: World{Commit: "at end", Answer: "302 body"},
		program: Program{
			{Do: "sign in", As: "victim", Hold: "commit"},
			{Do: "half-close"},
			{Do: "wait", For: 31 * time.Second},
		},
	},
	{
		name:  "H2 proxy that cuts a sign-in off before its session is written",
		world: World{Commit: "at end", Answer: "302 body", Hasty: true},
		program: Program{
			{Do: "sign in", As: "victim", Hold: "commit"},
			{Do: "wait", For: 21 * time.Second},
		},
	},
	{
		name:  "Q1 header that makes a session fall back to another user",
		world: World{Remember: true, Pin: "theme", Falls: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "sign in", As: "victim", Hold: "read"},
			{Do: "half-close"},
			{Do: "wait", For: 11 * time.Minute}, // until the form that was given up counts no more
			{Do: "get", Pin: "none"},
		},
		open: true,
	},
	{
		name:  "G3 sign-out whose page names the user, after a sign-in inside of a frame",
		world: World{Loud: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "tunnel", Async: true},
			{Do: "frame", As: "victim"},
			{Do: "sign out"},
		},
	},
	{
		name:  "G3 undeclared sign-out whose page names the user, after a sign-in inside of a frame",
		world: World{Loud: true, Undeclared: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "tunnel", Async: true},
			{Do: "frame", As: "victim"},
			{Do: "sign out"},
		},
	},
	{
		name:  "G3 form page beside a sign-in that the gateway gave up",
		world: World{Pin: "X-Requested-With", Slow: "all", WatchUnsafe: true},
		program: Program{
			{Do: "get"},
			{Do: "sign in", As: "victim", Hold: "arrive"},
			{Do: "drop"},
			{Do: "sign in"},
			{Do: "get"},
			{Do: "sign in"},
			{Do: "get"},
		},
	},
	{
		name:  "H2 tunnel over a sign-in that is saved late",
		world: World{Pushes: true, Commit: "later"},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "wait", For: 2100 * time.Millisecond},
			{Do: "tunnel", Async: true},
			{Do: "sign in", As: "victim"},
			{Do: "wait", For: 5 * time.Second},
		},
	},
	{
		name:  "G5 offer of a tunnel that a long page ignores",
		world: World{Rotation: "alive", Follow: true, Slow: "whoami"},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "wait", For: 2100 * time.Millisecond},
			{Page: "long", Extra: "upgrade", Async: true},
			{Do: "another way", As: "victim"},
		},
	},
	{
		name:  "G3 undeclared sign-in that one overwrites which the proxy gave up",
		world: World{Answer: "302 body", Hasty: true, Undeclared: true},
		program: Program{
			{},
			{Do: "another way", As: "mallory", Hold: "arrive"},
			{},
			{},
			{Do: "another way", As: "victim", Hold: "sent"},
		},
	},
	{
		name:  "Q2 session cookie that only whoami's own path gets",
		world: World{Base: "/app", CookiePath: "none", Answer: "204"},
	},
	{
		name:    "Q2 session cookie of a path that nobody asks for",
		world:   World{CookiePath: "/APP", Answer: "302 body"},
		program: Program{{Do: "sign in", As: "victim"}},
	},
	{
		name:    "Q2 two cookies of different paths",
		world:   World{CookiePath: "/%61pp", Second: "/app", Answer: "302 body"},
		program: Program{{Do: "another way", As: "victim"}},
	},
	{
		name:    "H2 sign-in that shows the user before it is saved",
		world:   World{Commit: "later", Answer: "302 body"},
		program: Program{{Do: "sign in", As: "victim"}},
	},
	{
		name:  "H3 session id under an unusual name in a visit without cookies",
		world: World{Name: "sid", IDs: "body", Loose: true},
		program: Program{
			{Do: "sign in", As: "victim", ID: "body", Cookies: "none"},
			{Do: "post", Page: "data", ID: "body", Cookies: "none"},
		},
	},
	{
		name:  "H3 session id under an unusual name in the query",
		world: World{Name: "sid", IDs: "url", Loose: true},
		program: Program{
			{Do: "sign in", As: "victim", ID: "query", Cookies: "none"},
			{Do: "get", Page: "data", ID: "query", Cookies: "none"},
		},
	},
	{
		name:    "G3 form page after a sign-in that is committed late",
		world:   World{Commit: "later", WatchUnsafe: true},
		program: Program{{Do: "sign in", As: "victim"}, {}, {Do: "owner"}, {}},
	},
	{
		name:    "G3 form page after a page that asked too early",
		world:   World{Commit: "later", WatchUnsafe: true},
		program: Program{{Do: "sign in", As: "victim"}, {Page: "data"}, {}},
	},
	{
		name:    "G3 sign-out that hides a late sign-in",
		world:   World{Commit: "later", Follow: true, Slow: "whoami"},
		program: Program{{Do: "another way", As: "victim"}, {Do: "sign out"}, {Page: "long"}},
	},
	{
		name:  "G3 sign-in that one overwrites which the proxy gave up",
		world: World{Answer: "302 body", Hasty: true},
		program: Program{
			{},
			{Do: "another way", As: "mallory", Hold: "arrive"},
			{},
			{},
			{Do: "another way", As: "victim", Hold: "sent"},
		},
	},
}

// repeats is how often a program without a finding is played again, because two goroutines that
// are ready at the same virtual time run in random order.
const repeats = 20

func TestRegressions(t *testing.T) {
	k, err := newKit()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range slices.Concat(regressions, regressionsOfVisits, regressionsOfOwner) {
		t.Run(r.name, func(t *testing.T) {
			found, log := k.play(t, r.world, r.program)
			for i := 0; found == nil && i < repeats; i++ {
				found, log = k.play(t, r.world, r.program)
			}
			switch {
			case found != nil && !r.open:
				report(t, found, log)
			case found == nil && r.open:
				t.Errorf("closed now: take its open away\n%s", strings.Join(log, "\n"))
			}
		})
	}
}
