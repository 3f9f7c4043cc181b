package mutations

// mend are the defences that a fifth attack showed to be missing.
var mend = []Mutation{
	{
		Row: "M: late sign-ins", Defence: "an anonymous answer that refuses is believed briefly",
		File:    "internal/gateway/ask.go",
		Old:     "part || x.staysUnchecked()",
		New:     "part || x.g.WatchUnsafe",
		Package: "internal/gateway", Test: "TestLate_OwnerIsNotRefused",
	},
	{
		Row: "M: unsealed cookies", Defence: "an unsealed cookie waits for the user that it is stamped for",
		File:    "internal/gateway/cookies.go",
		Old:     `return x.withheld || user != "" && !(x.before.MayPass() && x.answer.User == user)`,
		New:     `return x.withheld || user != "" && x.before.Owes()`,
		Package: "internal/gateway", Test: "TestAttack_Unsealed_CookieOfFirstRound",
	},
	{
		Row: "M: unsealed cookies", Defence: "of a doubted response no unsealed cookie is kept",
		File:    "internal/gateway/refuse.go",
		Old:     "	if a == gate.Retry {\n",
		New:     "	if false {\n",
		Package: "internal/gateway", Test: "TestAttack_Unsealed_CookieOfDoubtedResponse",
	},
	{
		Row: "M: unsealed cookies", Defence: "users whose names differ in case only have cookies of their own",
		File:    "internal/gateway/visits/visit.go",
		Old:     "return h.user == user && strings",
		New:     "return strings.EqualFold(h.user, user) && strings",
		Package: "internal/gateway", Test: "TestAttack_Unsealed_CookieOfNamesake",
	},
	{
		Row: "M: unsealed cookies", Defence: "no cookie that waited leaves with an asset",
		File:    "internal/gateway/cookies.go",
		Old:     "x.own && !x.facts.Asset && x.before",
		New:     "x.own && x.before",
		Package: "internal/gateway", Test: "TestAttack_Unsealed_OwedByAsset",
	},
	{
		Row: "M: cut off", Defence: "a request that was cut off is open until the portal is done",
		File:    "internal/gateway/response/portion.go",
		Old:     "		if w.ended {\n			w.x.Over(true)\n		}\n",
		New:     "		w.x.Over(w.ended)\n",
		Package: "internal/gateway", Test: "TestAttack_CutOffSignIn",
	},
	{
		Row: "M: cut off", Defence: "what was known before a link that was cut off is forgotten",
		File:    "internal/gateway/forward.go",
		Old:     " || x.cutOff && x.changers() > 0",
		New:     "",
		Package: "internal/gateway", Test: "TestAttack_CutOffLink",
	},
}
