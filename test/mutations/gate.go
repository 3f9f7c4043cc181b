package mutations

// gate are the defences of the verdicts: what is judged, before and after the portal.
var gate = []Mutation{
	{
		Row: "C, reading the login response", Defence: "a changed cookie has a cleared visit's response judged",
		File:    "internal/gate/response.go",
		Old:     "	if t.Changes || t.Redirect || t.SignIn {\n		return true\n	}\n	return (t.Unsafe",
		New:     "	if t.Redirect || t.SignIn {\n		return true\n	}\n	return (t.Unsafe",
		Package: "internal/gate", Test: "TestJudged_WithClearance",
	},
}
