package mutations

// gate are the defences of the verdicts: what is judged, before and after the portal.
var gate = []Mutation{
	// The verdicts themselves.
	{
		Row: "ASVS 16.5: fail closed", Defence: "not knowing refuses before the portal",
		File:    "internal/gate/gate.go",
		Old:     "	case q.Answer != User:\n		return Refuse\n",
		New:     "	case q.Answer != User:\n		return Forward\n",
		Package: "internal/gate", Test: "TestBefore_NeverForwardsDebt",
	},
	{
		Row: "Policy: require", Defence: "who has to set a factor up owes one",
		File:    "internal/gate/gate.go",
		Old:     "(s.Enrolled || s.Required) && !s.Cleared",
		New:     "s.Enrolled && !s.Cleared",
		Package: "internal/gate", Test: "TestStanding",
	},
	{
		Row: "Gate: public assets", Defence: "an upgrade is no asset",
		File:    "internal/gate/gate.go",
		Old:     "case q.Asset && !q.Upgrade:",
		New:     "case q.Asset:",
		Package: "internal/gate", Test: "TestBefore_Table",
	},
	{
		Row: "Gate: with guest, strangers reach only what it lists", Defence: "strangers reach nothing else",
		File:    "internal/gate/gate.go",
		Old:     "	case q.GuestOnly && !q.GuestPath:\n		return Guest\n",
		New:     "",
		Package: "internal/gate", Test: "TestBefore_Table",
	},
	{
		Row: "ASVS 16.5: fail closed", Defence: "not knowing withholds after the portal",
		File:    "internal/gate/response.go",
		Old:     "		return Forward\n	}\n	return Refuse\n}\n\n// SignedIn",
		New:     "		return Forward\n	}\n	return Forward\n}\n\n// SignedIn",
		Package: "internal/gate", Test: "TestAfter_Table",
	},
	{
		Row: "Gate: signing out and in again needs a new code", Defence: "a sign-in always asks",
		File:    "internal/gate/response.go",
		Old:     "			o.After.Cleared = false\n",
		New:     "",
		Package: "internal/gate", Test: "TestAfter_Table",
	},
	{
		Row: "C, second login in a cleared session", Defence: "a sign-in ends the clearance",
		File:    "internal/gate/response.go",
		Old:     "	if SignedIn(o) {\n		return true\n	}\n",
		New:     "",
		Package: "internal/gate", Test: "TestEndsClearance",
	},
	{
		Row: "ASVS 7.3, 7.4: sign-out is real", Defence: "anonymous afterwards ends the clearance",
		File:    "internal/gate/response.go",
		Old:     "return o.Before.MayPass() && o.After.Answer == Anonymous",
		New:     "return false",
		Package: "internal/gate", Test: "TestEndsClearance",
	},

	// One request on its way.
	{
		Row: "C, second login: answers are forgotten before such a request", Defence: "an unsafe request forgets what was known",
		File:    "internal/gateway/forward.go",
		Old:     "		// Whatever was known may be wrong as soon as this request arrives.\n		x.forget()\n",
		New:     "",
		Package: "internal/gateway", Test: "TestForgetting",
	},

	// The response.
	{
		Row: "ASVS 16.5: store down", Defence: "a standing that can't be read refuses",
		File:    "internal/gateway/identify.go",
		Old:     "	st.Enrolled = user.Activated()\n	return st, err",
		New:     "	st.Enrolled = user.Activated()\n	_ = err\n	return st, nil",
		Package: "test/rules", Test: "TestGate_StoreFails",
	},

	// Side doors.
	{
		Row: "ASVS 16.5: behind another authenticator", Defence: "nobody found is not anonymous",
		File:    "internal/gateway/identify.go",
		Old:     "return &portal.Answer{Why: \"the placeholder under `user` is empty\"}",
		New:     "return strangers",
		Package: "internal/gateway", Test: "TestIdentify_Nobody",
	},
}
