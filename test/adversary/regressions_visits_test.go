package adversary

import "time"

// regressionsOfVisits are regressions about visits, sessions and their ends; see regressions.
var regressionsOfVisits = []regression{
	{
		name:  "J8 renewed session that the portal signs in after all were ended",
		world: World{Lazy: true, Rotation: "alive", Commit: "later", Answer: "302 body"},
		program: Program{
			{Do: "sign in", As: "mallory", Jar: 1},
			{Page: "renew", Jar: 1},
			{Do: "end sessions", As: "mallory"},
			{Do: "wait", For: 61000 * time.Millisecond},
		},
	},
	{
		name:  "H2 cut stream that writes its session back over a sign-in",
		world: World{Whole: true, Answer: "200"},
		program: Program{
			{Jar: 2},
			{Page: "events", Jar: 2, Hold: "part"},
			{Do: "sign in", As: "victim", Jar: 2, Hold: "body"},
			{Jar: 2},
		},
	},
	{
		name:  "J8 remember-me cookie of an ended session that signs a session of afterwards in",
		world: World{Remember: true, Revives: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "wait", For: 5000 * time.Millisecond},
			{Do: "end sessions", As: "mallory"},
			{Do: "wait", For: 5000 * time.Millisecond},
			{Cookies: "visit"},
		},
	},
	{
		name:  "L1 form that begins a visit, is saved late and asked for once more",
		world: World{Seen: true, Commit: "later", Answer: "204", WatchUnsafe: true},
		program: Program{
			{Do: "sign in", As: "victim", Extra: "client"},
			{Page: "data", Hold: "arrive"},
			{Do: "wait", For: 810 * time.Millisecond},
			{Do: "go on"},
		},
	},
	{
		name:  "L1 stream that begins a visit and saves a stale session",
		world: World{Whole: true, Answer: "200"},
		program: Program{
			{Do: "get", Page: "long", Hold: "part", Extra: "client"},
			{Do: "wait", For: 25000 * time.Millisecond},
			{Do: "sign in", As: "victim", Hold: "body"},
			{Do: "go on", Of: 1},
			{Do: "wait", For: 500 * time.Millisecond},
			{Do: "go on"},
		},
	},
	{
		name:  "G3 stream that saves a stale session",
		world: World{Whole: true, Answer: "200"},
		program: Program{
			{Do: "get"},
			{Do: "get", Page: "long", Hold: "part"},
			{Do: "wait", For: 25000 * time.Millisecond},
			{Do: "sign in", As: "victim", Hold: "body"},
			{Do: "go on", Of: 1},
			{Do: "wait", For: 500 * time.Millisecond},
			{Do: "go on"},
		},
	},
	{
		name: "C page whose end is kept back over a sign-in inside of a frame",
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "wait", For: 2100 * time.Millisecond},
			{Do: "get", Page: "data"},
			{Do: "get", Page: "data", Hold: "last byte", Extra: "http2", Async: true},
			{Do: "wait", For: 50 * time.Millisecond},
			{Do: "tunnel", Async: true},
			{Do: "wait", For: 200 * time.Millisecond},
			{Do: "frame", As: "victim"},
			{Do: "wait", For: 3000 * time.Millisecond},
			{Do: "go on", Of: 1},
		},
	},
	{
		name:  "L19 slow sign-in that is given up",
		world: World{Persists: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "sign in", As: "victim", Hold: "arrive"},
			{Do: "drop"},
			{Do: "wait", For: 61000 * time.Millisecond},
			{Do: "get", Page: "data"},
		},
	},
	{
		name:  "tunnel after a sign-in that was given up",
		world: World{Persists: true, Pushes: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "another way", As: "victim", Hold: "arrive"},
			{Do: "half-close"},
			{Do: "wait", For: 46000 * time.Millisecond},
			{Do: "tunnel"},
		},
	},
	{
		name:  "L11 second sign-in that ends the session of the first",
		world: World{Single: true, Answer: "302 body"},
		program: Program{
			{Do: "sign in", As: "victim", Async: true},
			{Do: "sign in", As: "victim"},
		},
	},
	{
		name:    "L10 sign-in and sign-out in one request",
		world:   World{SignIn: "graphql"},
		program: Program{{Do: "several", As: "victim"}},
	},
	{
		name:    "L10 two sign-ins in one address",
		world:   World{SignIn: "graphql"},
		program: Program{{Do: "several", As: "victim", With: "mallory", Extra: "address"}},
	},
	{
		name:    "L10 two sign-ins in a batch",
		world:   World{SignIn: "graphql"},
		program: Program{{Do: "several", As: "victim", With: "mallory", Extra: "batch"}},
	},
	{
		name:    "L10 two sign-ins after a description",
		world:   World{SignIn: "graphql"},
		program: Program{{Do: "several", As: "victim", With: "mallory", Extra: "described"}},
	},
	{
		name:  "L5 tunnel of another session of the visit",
		world: World{Pushes: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "keep"},
			{Do: "sign in", As: "mallory", Cookies: "visit"},
			{Do: "wait", For: 5000 * time.Millisecond},
			{Do: "tunnel", Async: true, Cookies: "kept"},
			{Do: "sign in", As: "victim", Cookies: "kept", Hold: "committed"},
			{Do: "get", Page: "data"},
			{Do: "wait", For: 5000 * time.Millisecond},
		},
	},
	{
		name:  "L5 tunnel of a session that was renewed and lives on",
		world: World{Pushes: true, Rotation: "alive"},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "wait", For: 5000 * time.Millisecond},
			{Do: "keep"},
			{Do: "tunnel", Async: true},
			{Do: "get", Page: "renew"},
			{Do: "sign in", As: "victim", Cookies: "kept", Hold: "committed"},
			{Do: "get", Page: "data"},
			{Do: "wait", For: 5000 * time.Millisecond},
		},
	},
	{
		name:  "H7 tunnel beside one inside of which somebody signs in",
		world: World{Pushes: true, Joint: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "tunnel"},
			{Do: "tunnel"},
			{Do: "frame", As: "victim"},
		},
		open: true,
	},
	{
		name: "L8 what is sent through a tunnel beside a sign-in",
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "tunnel"},
			{Do: "sign in", As: "victim", Hold: "committed"},
			{Do: "order"},
			{Do: "wait", For: 5000 * time.Millisecond},
		},
	},
	{
		name:  "L2 response that goes on over a set-up",
		world: World{Unenrolled: true},
		program: Program{
			{Do: "sign in", As: "victim"},
			{Do: "wait", For: 5000 * time.Millisecond},
			{Do: "get", Page: "long", Hold: "part"},
			{Do: "set up"},
			{Do: "go on"},
		},
	},
	{
		name: "J8 response that goes on over the end of sessions",
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "wait", For: 5000 * time.Millisecond},
			{Do: "get", Page: "long", Hold: "part"},
			{Do: "end sessions", As: "mallory"},
			{Do: "wait", For: 1100 * time.Millisecond},
			{Do: "go on"},
		},
	},
	{
		name: "J8 page after the end of sessions",
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "wait", For: 5000 * time.Millisecond},
			{Do: "end sessions", As: "mallory"},
			{Do: "wait", For: 1100 * time.Millisecond},
			{Do: "get", Page: "data"},
		},
	},
	{
		name:  "J8 tunnel over the end of sessions",
		world: World{Pushes: true},
		program: Program{
			{Do: "sign in", As: "mallory"},
			{Do: "wait", For: 5000 * time.Millisecond},
			{Do: "tunnel", Async: true},
			{Do: "end sessions", As: "mallory"},
			{Do: "wait", For: 5000 * time.Millisecond},
		},
	},
}
