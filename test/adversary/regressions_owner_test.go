package adversary

import "time"

// regressionsOfOwner are programs that found a fault with the owner's browser, a restart or a
// troubled question.
var regressionsOfOwner = []regression{
	{
		name:  "pages beside a slow request that another page sent, after an undeclared sign-out",
		world: World{Undeclared: true},
		program: Program{
			{Do: "owner", Of: 7},
			{Do: "late", Kind: "beacon", Hold: "read"},
			{Do: "owner"},
		},
	},
	{
		name:  "sign-out from two tabs at once",
		world: World{Rotation: "renew", Rotates: true, Undeclared: true, Required: true},
		program: Program{
			{Do: "owner", Of: 8, Extra: "double"},
		},
	},
	{
		name:  "background request of the former session beside a sign-in",
		world: World{Rotation: "alive"},
		program: Program{
			{Do: "owner", Of: 10},
			{Do: "late", Of: 3},
		},
	},
	{
		name:  "beacon of the former session before a sign-in",
		world: World{Rotation: "renew", FormToken: true},
		program: Program{
			{Do: "owner", Of: 9},
			{Do: "late", Page: "account", Kind: "beacon", Of: 2},
		},
	},
	{
		name:  "session that a question renews, under recheck 0, of a user who owes a code",
		world: World{Rotation: "renew", Renews: "whoami", Always: true},
		program: Program{
			{Do: "owner", Of: 1},
			{Do: "wait", For: 61 * time.Second},
		},
	},
	{
		name:  "form of another site's page where a cookie waits for the next page",
		world: World{Renews: "whoami"},
		program: Program{
			{Do: "owner", Of: 4},
			{Do: "wait", For: 70 * time.Second},
			{Do: "late", Page: "style.css"},
			{Do: "elsewhere", Page: "change", Kind: "form"},
		},
	},
}
