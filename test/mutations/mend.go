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
}
