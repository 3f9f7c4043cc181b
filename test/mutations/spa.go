package mutations

// spa are the defences around tokens that scripts keep, and the assist script's.
var spa = []Mutation{
	{
		Row: "Token: what can't be read", Defence: "a sign-in's answer beyond the bound is not read in part",
		File:    "internal/portal/whoami/token.go",
		Old:     "	if res.Truncated || len(res.Body) > maxBody {",
		New:     "	if len(res.Body) > maxBody {",
		Package: "test/spa", Test: "TestAttack_HiddenToken",
	},
	{
		Row: "Token: what can't be read", Defence: "a success that is no JSON may hide a token",
		File:    "internal/portal/whoami/token.go",
		Old:     "	return res.Status >= http.StatusOK && res.Status < http.StatusMultipleChoices || ",
		New:     "	return res.Status == http.StatusCreated || ",
		Package: "test/spa", Test: "TestAttack_HiddenToken",
	},
	{
		Row: "Token: what can't be read", Defence: "something else than text at the token's place is no token",
		File:    "internal/portal/whoami/token.go",
		Old:     "			return \"\", errors.New(\"the token is no text\")\n",
		New:     "			continue\n",
		Package: "test/spa", Test: "TestAttack_HiddenToken",
	},
	{
		Row: "Token: sealed in the visit", Defence: "the visit's token is for questions only",
		File:    "internal/portal/jar.go",
		Old:     "c.Name != tokenName && cookie.PathMatch",
		New:     "cookie.PathMatch",
		Package: "test/spa", Test: "TestToken_Sealed",
	},
	{
		Row: "Token: sealed in the visit", Defence: "questions carry the visit's token",
		File:    "internal/portal/ask.go",
		Old:     "			header[name] = []string{TokenValue(name, token)}\n",
		New:     "			_ = TokenValue(name, token)\n",
		Package: "test/spa", Test: "TestToken_SignIn",
	},
	{
		Row: "Token: side doors", Defence: "declared parameters of the query are in the question",
		File:    "internal/portal/ask.go",
		Old:     "		uri += joint + s.Query\n",
		New:     "		_ = joint + s.Query\n",
		Package: "test/spa", Test: "TestAttack_DeclaredQueryToken",
	},
	{
		Row: "Token: described wholly", Defence: "a token needs a header in which whoami takes it",
		File:    "config/bearer.go",
		Old:     "		case s.TokenHeader() == \"\":",
		New:     "		case s.Realm == \"\":",
		Package: "config", Test: "TestValidateNamesWhatIsWrong",
	},
	{
		Row: "F: return targets", Defence: "only a page of this site says where the challenge returns to",
		File:    "internal/web/return.go",
		Old:     "	if fromHere(c.r, c.v.Secure) && ValidTarget(target) {",
		New:     "	if ValidTarget(target) {",
		Package: "internal/web", Test: "TestReturnFromHere",
	},
	{
		Row: "F: return targets", Defence: "the assist script goes to own pages only",
		File:    "templates/assets/assist.js",
		Old:     "to.origin !== location.origin || to.origin !== own.origin || to.pathname.indexOf(own.pathname) !== 0 || ",
		New:     "",
		Package: "test/spa", Test: "TestAssist_StaysHome",
	},
	{
		Row: "F: no loops", Defence: "the assist script gives up",
		File:    "templates/assets/assist.js",
		Old:     "			if (times.length >= often) {\n				return false;\n			}\n",
		New:     "",
		Package: "test/spa", Test: "TestAssist_GivesUp",
	},
}
