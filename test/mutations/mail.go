package mutations

// mailed are the defences around mails and the code before the first set-up.
var mailed = []Mutation{
	{
		Row: "D: a password thief enrols first", Defence: "no secret is shown before the code by e-mail",
		File: "internal/userpages/setup.go", Old: "; !ok && owes {\n", New: "; !ok && owes && to == \"\" {\n",
		Package: "internal/userpages", Test: "TestFirstSetUpWaitsForACode",
	},
	{
		Row: "D: a password thief enrols first", Defence: "the confirmation looks at the proof",
		File: "internal/userpages/setup.go", Old: " && c.mayEnrol(e)\n", New: "\n",
		Package: "internal/userpages", Test: "TestConfirmLooksAtTheProof",
	},
	{
		Row: "D: a password thief enrols first", Defence: "a site without addresses is no way around its realm's code by e-mail",
		File: "caddyplugin/realms.go", Old: "			w.pages.EnrolMail = true\n", New: "",
		Package: "test/suite/attack", Test: "TestAttack_ThiefEnrolsNextDoor",
	},
	{
		Row: "D: a password thief enrols first", Defence: "a proof is of one address",
		File: "internal/userpages/mailcode.go", Old: "e.Proven == to", New: "e.Proven == to || e.Proven != \"\"",
		Package: "internal/userpages", Test: "TestConfirmLooksAtTheProof",
	},
	{
		Row: "D: a password thief enrols first", Defence: "a proof is of one visit",
		File: "internal/userpages/setup.go", Old: "{User: c.v.User, Visit: c.v.ID}", New: "{User: c.v.User}",
		Package: "internal/userpages", Test: "TestACodeByMailIsSpentOnce",
	},
	{
		Row: "D: a password thief enrols first", Defence: "an address that the portal named before still counts",
		File: "internal/userpages/mailcode.go", Old: "return notice.Address(c.user.Email)", New: "return \"\", false",
		Package: "internal/userpages", Test: "TestNoAddress",
	},
	{
		Row: "ASVS 6.5.1: accepted once", Defence: "a code by e-mail is spent",
		File: "internal/factor/mailcode.go", Old: "		c.Code = nil\n		return nil\n", New: "		return nil\n",
		Package: "internal/userpages", Test: "TestACodeByMailIsSpentOnce",
	},
	{
		Row: "NIST throttling", Defence: "five wrong entries end a code by e-mail",
		File: "internal/factor/mailcode.go", Old: "c.Tries >= mailCodeTries", New: "c.Tries >= 100*mailCodeTries",
		Package: "internal/userpages", Test: "TestCodesByMailAreBounded",
	},
	{
		Row: "NIST throttling", Defence: "three codes by e-mail an hour",
		File: "internal/factor/mailcode.go", Old: "len(c.Sent) >= mailCodesPerHour", New: "len(c.Sent) >= 100*mailCodesPerHour",
		Package: "internal/userpages", Test: "TestCodesByMailAreBounded",
	},
	{
		Row: "D: a password thief enrols first", Defence: "a code by e-mail works for fifteen minutes",
		File: "internal/factor/mailcode.go", Old: " || !s.now().Before(c.Expires) {", New: " {",
		Package: "internal/userpages", Test: "TestCodesByMailAreBounded",
	},
	{
		Row: "ASVS 6.3.7: people are told", Defence: "mails of one kind to one user are bounded for a day",
		File: "internal/store/mails.go", Old: "c.Count >= MailsPerDay", New: "c.Count >= 100*MailsPerDay",
		Package: "internal/userpages", Test: "TestCodesByMailAreBounded",
	},
	{
		Row: "ASVS 6.3.7: people are told", Defence: "a thief does not choose the language of notices",
		File: "internal/userpages/call.go", Old: " && u.Language != c.lang && c.cleared() {", New: " && u.Language != c.lang {",
		Package: "internal/userpages", Test: "TestOnlyWhoGaveACodeChoosesTheLanguage",
	},
	{
		Row: "ASVS 6.3.7: people are told", Defence: "where staff sit is not told",
		File: "internal/notice/notice.go", Old: "if !byStaff[e.Kind] {", New: "if e.Kind != \"\" {",
		Package: "internal/notice", Test: "TestStaffStaysUnknown",
	},
	{
		Row: "ASVS 16.3: injection-safe", Defence: "an address holds no line end and no blank",
		File: "internal/notice/notice.go", Old: "return r <= ' ' || r > '~'", New: "return r > 0x10ffff",
		Package: "internal/notice", Test: "TestAddress",
	},
	{
		Row: "ASVS 14.2: no secret over a wire that others read", Defence: "a server that offers no encryption gets nothing",
		File: "internal/mail/server.go", Old: "policy := smtp.TLSMandatory", New: "policy := smtp.TLSOpportunistic",
		Package: "internal/mail", Test: "TestStrippedEncryption",
	},
	{
		Row: "ASVS 6.3.7: people are told", Defence: "what a crash left claimed is sent at the next start",
		File: "internal/mail/queue.go", Old: "			if !begun {\n", New: "			if begun && limit == 0 {\n",
		Package: "internal/mail", Test: "TestWhatWasClaimedComesAfterARestart",
	},
	{
		Row: "ASVS 6.3.7: people are told", Defence: "a server that refuses us costs no mail",
		File: "internal/mail/queue.go", Old: "	default:\n		return err\n	}\n	return nil\n}\n\n// remove", New: "	default:\n		q.end(ctx, m, err.Error())\n	}\n	return nil\n}\n\n// remove",
		Package: "internal/mail", Test: "TestSlowServer",
	},
}
