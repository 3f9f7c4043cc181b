package mutations

// learning are the defences of inspect: what it must not promise, and must not do.
var learning = []Mutation{
	{
		Row: "Inspect: leave", Defence: "no cookie is left to scripts that an answer depends on",
		File: "internal/onboard/inspect/scripts.go",
		Old:  "		if c.matters {\n", New: "		if c.matters && c.HTTPOnly {\n",
		Package: "internal/onboard/inspect", Test: "TestLeavesOnlyWhatSignsNobodyIn",
	},
	{
		Row: "Inspect: rotates", Defence: "the session from before the sign-in is asked whose it is",
		File: "internal/onboard/inspect/change.go",
		Old:  "in.who(ctx, before, nil).Kind != whoami.Anonymous {", New: "in.who(ctx, before, nil).Kind == whoami.Kind(9) {",
		Package: "internal/onboard/inspect", Test: "TestRotatesNeedsProof",
	},
	{
		Row: "Inspect: rotates", Defence: "the session of the customer before is asked whose it is",
		File: "internal/onboard/inspect/change.go",
		Old:  "v.Kind == whoami.Unknown || v.Kind == whoami.User && v.User != in.id", New: "v.Kind == whoami.Unknown",
		Package: "internal/onboard/inspect", Test: "TestRotatesNeedsProof",
	},
	{
		Row: "Inspect: it changes nothing", Defence: "links that sound like doing something are not followed",
		File: "internal/onboard/inspect/words.go",
		Old:  "return !hasAny(said, doing)", New: "return len(said) >= 0",
		Package: "internal/onboard/inspect", Test: "TestChangesNothing",
	},
	{
		Row: "Inspect: it changes nothing", Defence: "links that carry a token are not followed",
		File: "internal/onboard/inspect/words.go",
		Old:  "		if secret.MatchString(key) {\n			return false\n		}\n", New: "",
		Package: "internal/onboard/inspect", Test: "TestChangesNothing",
	},
	{
		Row: "Inspect: it changes nothing", Defence: "after a refused spelling there is a sign-in that works",
		File: "internal/onboard/inspect/comeback.go",
		Old:  "if _, _, err := in.signIn(ctx, a); err != nil {", New: "if ctx.Err() != nil {",
		Package: "internal/onboard/inspect", Test: "TestChangesNothing",
	},
	{
		Row: "Inspect: the user", Defence: "what can be edited names nobody",
		File: "internal/onboard/inspect/score.go",
		Old:  "hasAny(c.key, fleeting) || c.editable", New: "hasAny(c.key, fleeting)",
		Package: "internal/onboard/inspect", Test: "TestNickNamesAreNobody",
	},
	{
		Row: "Inspect: the user", Defence: "what has the same value as something that can be edited names nobody",
		File: "internal/onboard/inspect/score.go",
		Old:  "!identifier && !owned, -45)", New: "!identifier && !owned, 0)",
		Package: "internal/onboard/inspect", Test: "TestNickNamesAreNobody",
	},
	{
		Row: "Inspect: the user", Defence: "the user is the same however the name is written",
		File: "internal/onboard/inspect/identify.go",
		Old:  "!ok || same != id {", New: "!ok || same == \"\" {",
		Package: "internal/onboard/inspect", Test: "TestTypedNames",
	},
	{
		Row: "Inspect: the user", Defence: "the user is another for another customer",
		File: "internal/onboard/inspect/identify.go",
		Old:  "!ok || strings.EqualFold(other, id) {", New: "!ok || other == \"\" {",
		Package: "internal/onboard/inspect", Test: "TestNamesByWhatNobodyChooses",
	},
	{
		Row: "Inspect: the user", Defence: "with one customer a number is no proof",
		File: "internal/onboard/inspect/identify.go",
		Old:  "} else if !(scoring{account: in.Customers[0]}).typed(id) {", New: "} else if id == \"\" {",
		Package: "internal/onboard/inspect", Test: "TestNickNamesAreNobody",
	},
	{
		Row: "Inspect: several scopes", Defence: "a page that still knows the user is asked too",
		File: "internal/onboard/inspect/cookies.go",
		Old:  "	if len(knowing) > 0 {", New: "	if len(knowing) > maxWitnesses {",
		Package: "internal/onboard/inspect", Test: "TestTwoScopes",
	},
	{
		Row: "Inspect: public", Defence: "only what is the same for strangers is public",
		File: "internal/onboard/inspect/publics.go",
		Old:  " && bytes.Equal(mine.Body, theirs.Body)", New: "",
		Package: "internal/onboard/inspect", Test: "TestSideDoors",
	},
	{
		Row: "Inspect: the user", Defence: "an id below something that is not the user is not the user's",
		File: "internal/onboard/inspect/score.go",
		Old:  "	if strange(c.path) {\n", New: "	if c.editable {\n",
		Package: "internal/onboard/inspect", Test: "TestScores",
	},
	{
		Row: "Inspect: the user", Defence: "a short number without a name is no id",
		File: "internal/onboard/inspect/score.go",
		Old:  "len(c.value) > 3", New: "len(c.value) > 0",
		Package: "internal/onboard/inspect", Test: "TestScores",
	},
}
