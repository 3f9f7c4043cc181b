package mutations

// observe are the defences of `mode observe`: of the portal's sessions against being
// watched, and of `mode enforce` against what is for watching only.
var observe = []Mutation{
	{
		Row: "Observe: enforce is never weakened", Defence: "an unknown mode is refused",
		File:    "config/validate.go",
		Old:     "		oneOf(\"mode\", s.Mode, \"enforce\", \"observe\"),\n",
		New:     "",
		Package: "caddyplugin", Test: "TestAdapt",
	},
	{
		Row: "Observe: enforce is never weakened", Defence: "only mode observe stands open",
		File:    "internal/gateway/gateway.go",
		Old:     "	if o.Observe {\n",
		New:     "	if o.Store != nil {\n",
		Package: "test/observing", Test: "TestSwitch_ObserveToEnforce",
	},
	{
		Row: "Observe: no session is lost", Defence: "a cookie comes back with its domain",
		File:    "internal/portal/payload.go",
		Old:     "	for _, s := range []string{c.Stamp.User, c.Name, c.Path, c.Domain} {",
		New:     "	for _, s := range []string{c.Stamp.User, c.Name, c.Path, \"\"} {",
		Package: "internal/portal", Test: "TestPlain_GivesBack",
	},
	{
		Row: "Observe: nothing of ours reaches the portal", Defence: "the token of a sign-in is not taken for a cookie",
		File:    "internal/portal/plain.go",
		Old:     "		if c := &j.cookies[i]; c.Name != tokenName && cookie",
		New:     "		if c := &j.cookies[i]; cookie",
		Package: "internal/portal", Test: "TestPlain_TokenStays",
	},
	{
		Row: "G: strangers write nothing", Defence: "what strangers cause waits for something else to be written",
		File:    "internal/report/report.go",
		Old:     "b.count(realm, kind, name, false) }",
		New:     "b.count(realm, kind, name, true) }",
		Package: "internal/report", Test: "TestBook_StrangersWriteNothing",
	},
	{
		Row: "Observe: the report holds little of a person", Defence: "paths become patterns",
		File:    "internal/report/pattern.go",
		Old:     "		default:\n			return \"*\"\n",
		New:     "",
		Package: "internal/report", Test: "TestPattern",
	},
	{
		Row: "G: strangers write nothing without bound", Defence: "the names of a day are bounded",
		File:    "internal/report/report.go",
		Old:     "		if c.names[k.Kind] >= limit(k.Kind) {",
		New:     "		if c.names[k.Kind] >= 1<<30*limit(k.Kind) {",
		Package: "internal/report", Test: "TestBook_IsBounded",
	},
}
