package mutations

// kinds are the defences that came with portals that differ in kind.
var kinds = []Mutation{
	{
		Row: "Gate: watch unsafe", Defence: "a stranger's answer lives no longer than a user's where not every response is checked",
		File:    "internal/gateway/ask.go",
		Old:     "		lives.Anonymous = min(lives.Anonymous, g.Recheck)\n",
		New:     "",
		Package: "test/suite/portalkinds", Test: "TestUnsafe_Recheck",
	},
	{
		Row: "Ask: several whoamis must agree", Defence: "only a part that is apart may know nobody where another knows a user",
		File:    "internal/portal/whoami/whoami.go",
		Old:     "case v.Kind == Anonymous && v.Apart:",
		New:     "case v.Kind == Anonymous && all.Kind == User:",
		Package: "internal/portal/whoami", Test: "TestAgree",
	},
	{
		Row: "Gate: a sign-in always asks", Defence: "a sign-in to another part of the portal asks, too",
		File:    "internal/gateway/check.go",
		Old:     " && a.Scopes&^x.answer.Scopes == 0,",
		New:     ",",
		Package: "test/suite/portalkinds", Test: "TestKinds",
	},
	{
		Row: "Ask: bounded size", Defence: "a page that was cut off is known to be, though the handler panicked",
		File:    "caddyplugin/fetch.go",
		Old:     "			res, err = rec.response(), nil\n",
		New:     "			err = nil\n",
		Package: "test/suite/portalkinds", Test: "TestTooLarge",
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
	{
		Row: "Gate: watch unsafe", Defence: "strangers' cookies are presumed such for a declared sign-in only",
		File:    "internal/gateway/request/facts.go",
		Old:     "f.FillsIn = f.Unsafe && declared",
		New:     "f.FillsIn = f.Unsafe",
		Package: "internal/gateway/request", Test: "TestClassify",
	},
	{
		Row: "Gate: watch unsafe", Defence: "a field of sign_in's makes no sign-in whose sender is presumed a stranger",
		File:    "internal/gateway/presume.go",
		Old:     "x.now) && x.facts.FillsIn && !x.live()",
		New:     "x.now) && (x.facts.FillsIn || x.fillsIn) && !x.live()",
		Package: "test/suite/portalkinds", Test: "TestAttack_PresumedStranger",
	},
	{
		Row: "Gate: watch unsafe", Defence: "the form's page with another query is checked",
		File:    "internal/gateway/request/facts.go",
		Old:     "return f.Client.URL.Path == path && (f.Client.URL.RawQuery == query || f.Client.URL.RawQuery == \"\")",
		New:     "return f.Client.URL.Path == path && (query == \"\" || f.Client.URL.RawQuery != \"\")",
		Package: "internal/gateway/request", Test: "TestShowsForm",
	},
	{
		Row: "Gate: watch unsafe", Defence: "credentials are presumed a stranger's once",
		File:    "internal/gateway/visits/answers.go",
		Old:     "	if yes {\n		a.presumed = slot{}\n	}\n",
		New:     "",
		Package: "internal/gateway/visits", Test: "TestAnswers_PresumedOnce",
	},
	{
		Row: "Gate: watch unsafe", Defence: "what is presumed is forgotten with the answers",
		File:    "internal/gateway/visits/answers.go",
		Old:     "a.slots, a.presumed = a.slots[:0], slot{}",
		New:     "a.slots = a.slots[:0]",
		Package: "internal/gateway/visits", Test: "TestAnswers_PresumedOnce",
	},
}
