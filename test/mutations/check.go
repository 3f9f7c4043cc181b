package mutations

// check are the defences of the rehearsal: that it keeps what it is told, touches
// nothing of the operator's, and that its lines can fail.
var check = []Mutation{
	{
		Row: "check: nobody else comes in where no gate stands", Defence: "the rehearsal's servers want its token",
		File:    "caddyplugin/rehearsal_handler.go",
		Old:     "	if r.Header.Get(tokenHeader) != h.Token {",
		New:     "	if false {",
		Package: "caddyplugin", Test: "TestOnlyTheRehearsalComesIn",
	},
	{
		Row: "check: nobody else comes in where no gate stands", Defence: "the portal does not see the rehearsal's token",
		File:    "caddyplugin/rehearsal_handler.go",
		Old:     "	r.Header.Del(tokenHeader)\n",
		New:     "",
		Package: "caddyplugin", Test: "TestOnlyTheRehearsalComesIn",
	},
	{
		Row: "check: nobody else comes in where no gate stands", Defence: "the rehearsal's handler is for the rehearsal only",
		File:    "caddyplugin/rehearsal_handler.go",
		Old:     "	if !ok {\n		return errors.New(\"two_factor_rehearsal is",
		New:     "	if !ok && false {\n		return errors.New(\"two_factor_rehearsal is",
		Package: "caddyplugin", Test: "TestTheHandlerIsForTheRehearsalOnly",
	},
	{
		Row: "check: the operator's store is not touched", Defence: "the rehearsal has a store of its own",
		File:    "caddyplugin/rehearsal_stage.go",
		Old:     `object{"engine": "badger", "directory": st.storeDir()}`,
		New:     `object{"engine": "badger"}`,
		Package: "caddyplugin", Test: "TestTheStageIsTheOperatorsSite",
	},
	{
		Row: "check: what is rehearsed is enforced", Defence: "a site that only observes is rehearsed as it will be",
		File:    "caddyplugin/rehearsal_stage.go",
		Old:     "	delete(h, \"mode\")\n",
		New:     "",
		Package: "caddyplugin", Test: "TestTheStageIsTheOperatorsSite",
	},
	{
		Row: "check: passwords go nowhere", Defence: "a password is read without echo",
		File:    "caddyplugin/prompt.go",
		Old:     "	if !screen {\n		return p.line()\n	}\n	fmt.Fprint(p.out, question)\n	defer",
		New:     "	if !screen || fd >= 0 {\n		fmt.Fprint(p.out, question)\n		return p.line()\n	}\n	defer",
		Package: "caddyplugin", Test: "TestAccountsFromATerminal",
	},
	{
		Row: "check: passwords go nowhere", Defence: "no error shows an address's query",
		File:    "internal/onboard/browse/errors.go",
		Old:     "		err = u.Err\n",
		New:     "		err = u\n",
		Package: "internal/onboard/browse", Test: "TestConnectionErrors",
	},
	{
		Row: "check: unknown closed", Defence: "a page let through while whoami fails is seen",
		File:    "internal/onboard/check/unknown.go",
		Old:     "		if p.Status != http.StatusServiceUnavailable {",
		New:     "		if p == nil {",
		Package: "test/suite/check", Test: "TestWrongDescriptionsAreFound",
	},
	{
		Row: "check: session sealed", Defence: "an unsealed session is seen",
		File:    "internal/onboard/check/cookies.go",
		Old:     "	return shown || r.ours(p)\n",
		New:     "	return shown && r.ours(p)\n",
		Package: "test/suite/check", Test: "TestWrongDescriptionsAreFound",
	},
	{
		Row: "check: aliases one user", Defence: "an alias that is another user is seen",
		File:    "internal/onboard/check/people.go",
		Old:     "		case ok && !same:",
		New:     "		case ok && !same && !ok:",
		Package: "test/suite/check", Test: "TestWrongSettingsForThePortalAreFound",
	},
	{
		Row: "check: side doors shut", Defence: "a door that lets something out is seen",
		File:    "internal/onboard/check/doors.go",
		Old:     "	case here != nil:",
		New:     "	case here != nil && there == nil:",
		Package: "test/suite/check", Test: "TestWrongSettingsForThePortalAreFound",
	},
	{
		Row: "check: code before anything", Defence: "a gate that asks for no code is seen",
		File:    "internal/gate/gate.go",
		Old:     "	return s.Answer == User && (s.Enrolled || s.Required) && !s.Cleared\n",
		New:     "	return s.Answer == User && s.Required && !s.Cleared\n",
		Package: "test/suite/check", Test: "TestDemoPortalIsAllRight",
	},
}
