package mutations

// kinds are the defences that came with portals that differ in kind.
var kinds = []Mutation{
	{
		Row: "Ask: several whoamis must agree", Defence: "only a part that is apart may know nobody where another knows a user",
		File:    "internal/portal/whoami/whoami.go",
		Old:     "case v.Kind == Anonymous && v.Apart:",
		New:     "case v.Kind == Anonymous && all.Kind == User:",
		Package: "internal/portal/whoami", Test: "TestAgree",
	},
	{
		Row: "Ask: bounded size", Defence: "a page that was cut off is known to be, though the handler panicked",
		File:    "caddyplugin/fetch.go",
		Old:     "			res, err = rec.response(), nil\n",
		New:     "			err = nil\n",
		Package: "test/kinds", Test: "TestTooLarge",
	},
	{
		Row: "Ask: unknown is never anonymous", Defence: "a sign that an empty page shows is refused",
		File:    "config/validate_whoami.go",
		Old:     "return first(validateSelector(\"\", s.HTML), validateSeen(s.HTML))",
		New:     "return validateSelector(\"\", s.HTML)",
		Package: "config", Test: "TestValidateNamesWhatIsWrong",
	},
	{
		Row: "Ask: exactly one distinct value", Defence: "an element that can't be read is a doubt about all of them",
		File:    "internal/portal/whoami/inside.go",
		Old:     "		if err != nil {\n			return nil, err\n		}\n		found",
		New:     "		if err != nil {\n			continue\n		}\n		found",
		Package: "internal/portal/whoami", Test: "TestJudge_Inside",
	},
}
