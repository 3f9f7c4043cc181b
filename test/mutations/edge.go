package mutations

// edge are the defences at the edge between Caddy and the gate.
var edge = []Mutation{
	{
		Row: "I1", Defence: "whoami gets the placeholders of the request",
		File:    "caddyplugin/question.go",
		Old:     "		repl.Map(b.stored.placeholders.get)\n",
		New:     "		_ = repl\n",
		Package: "test/edge", Test: "TestI1_QuestionResolvesTheSamePlaceholders",
	},
	{
		Row: "I1", Defence: "placeholders of `map` are in the snapshot",
		File:    "caddyplugin/question_placeholders.go",
		Old:     "	return p.mapped.Get(key)\n",
		New:     "	return nil, false\n",
		Package: "test/edge", Test: "TestI1_QuestionResolvesTheSamePlaceholders",
	},
	{
		Row: "I7", Defence: "the gate strips what it returns an error for",
		File:    "caddyplugin/handler.go",
		Old:     "		strip(w, r, repl)\n",
		New:     "",
		Package: "test/edge", Test: "TestI7_ErrorRoutesWithinARoute",
	},
	{
		Row: "I7", Defence: "error routes strip every error of the site",
		File:    "caddyplugin/errors_routes.go",
		Old:     "		strip(w, r, repl)\n",
		New:     "		_ = repl\n",
		Package: "test/edge", Test: "TestI7_ErrorsBeforeTheGate",
	},
	{
		Row: "I7", Defence: "placeholders of the request as it came are emptied",
		File:    "caddyplugin/errors.go",
		Old:     "	stripPlaceholders(repl, original)\n",
		New:     "",
		Package: "test/edge", Test: "TestI7_ErrorRoutesGetNothingToSignInWith",
	},
	{
		Row: "I7", Defence: "a body that is held back does not hold the error route up",
		File:    "caddyplugin/errors.go",
		Old:     "	if control.SetReadDeadline(time.Now().Add(drainTime)) == nil {\n",
		New:     "	if control.SetReadDeadline(time.Time{}) == nil {\n",
		Package: "test/edge", Test: "TestI7_HeldBody",
	},
	{
		Row: "I7", Defence: "a gate that can't guard the error routes does not start",
		File:    "caddyplugin/errors_routes.go",
		Old:     "	if site < 0 {\n",
		New:     "	if site < -1 {\n",
		Package: "test/edge", Test: "TestI7_NamedRoute",
	},
	{
		Row: "I8", Defence: "a certificate and a user can't stand for one another",
		File:    "caddyplugin/identity.go",
		Old:     "	return fingerprint + \"\\x00\" + user\n",
		New:     "	return fingerprint + user\n",
		Package: "caddyplugin", Test: "TestI8_Identity",
	},
	{
		Row: "I9", Defence: "proxies that spread a visitor are warned about",
		File:    "caddyplugin/handler.go",
		Old:     "		if err := checkUpstreams(ctx, h); err != nil {\n",
		New:     "		if err := error(nil); err != nil {\n",
		Package: "test/edge", Test: "TestI9_WarnsOfUpstreamsWithoutStickiness",
	},
	{
		Row: "K3", Defence: "early data changes nothing",
		File:    "caddyplugin/handler.go",
		Old:     "	if h.tooEarly(r, asked) {\n",
		New:     "	if false {\n",
		Package: "test/edge", Test: "TestK3_EarlyDataOverHTTP3",
	},
	{
		Row: "K8", Defence: "whoami's id is no REMOTE_USER",
		File:    "caddyplugin/handler.go",
		Old:     "		b.user.Store(&id)\n",
		New:     "		b.user.Store(&id)\n		r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer).Set(userID, id)\n",
		Package: "test/edge", Test: "TestK8_RemoteUser",
	},
}
