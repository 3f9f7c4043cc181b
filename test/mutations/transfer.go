package mutations

// transfer are the defences of files that bring secrets in and take them out.
var transfer = []Mutation{
	{
		Row: "ASVS 6.5.1: an OTP is accepted once, by the system of before or by this one", Defence: "an import's floor is the last step whose code could be accepted now",
		File:    "internal/factor/import.go",
		Old:     "placed.AddedAt, placed.Floor = now, now.Unix()/int64(t.Period)+1",
		New:     "placed.AddedAt, placed.Floor = now, now.Unix()/int64(t.Period)-1",
		Package: "internal/factor", Test: "TestImport_CodesOfBefore",
	},
	{
		Row: "ASVS 6.5.1: nothing spent comes back", Defence: "an import that is run again leaves alone who has the authenticator",
		File:    "internal/factor/import.go",
		Old:     "case s.same(u, in):",
		New:     "case false:",
		Package: "internal/factor", Test: "TestImportAgain",
	},
	{
		Row: "C, races: one transaction wins", Defence: "an import looks for another authenticator once more, in its transaction",
		File:    "internal/factor/import.go",
		Old:     "		done = Imported{}\n		if done.Found, err = s.found(&u, err, in); err != nil || !done.Found.writes(replace) {",
		New:     "		done = Imported{}\n		if done.Found, err = s.found(&u, err, in); err != nil || done.Found == FoundSame {",
		Package: "internal/factor", Test: "TestImportRacesEnrolment",
	},
	{
		Row: "ASVS 6.5.6, 7.4.3: sessions end with the factor", Defence: "an import that replaces an authenticator ends the user's clearances",
		File:    "internal/factor/import.go",
		Old:     "		done.Ended, err = tx.EndVisits()\n		return err",
		New:     "		return nil",
		Package: "internal/factor", Test: "TestImportOverAnother",
	},
	{
		Row: "D: who is who", Defence: "ids of a file are normalised as whoami's are",
		File:    "caddyplugin/admin_import.go",
		Old:     "return whoami.Canonical(i.realm.site.Whoami, id)",
		New:     "return whoami.Canonical(nil, id)",
		Package: "test/lifecycle", Test: "TestImport_Refused",
	},
	{
		Row: "Design, State: all changes are atomic", Defence: "a file with one wrong line is not imported",
		File:    "caddyplugin/admin_import.go",
		Old:     "err == nil && f.Refused == 0 && !i.dry {",
		New:     "err == nil && !i.dry {",
		Package: "test/lifecycle", Test: "TestImport_Refused",
	},
	{
		Row: "RFC 4226 R6", Defence: "a secret of less than 80 bits is refused",
		File:    "internal/transfer/parse.go",
		Old:     "minSecret  = 10",
		New:     "minSecret  = 1",
		Package: "internal/transfer", Test: "TestReadRefusesLines",
	},
	{
		Row: "G: bounded input", Defence: "a quote that is never closed doesn't swallow the file",
		File:    "internal/transfer/csv.go",
		Old:     "case open && whole.Len()+len(next) > maxLine:",
		New:     "case false:",
		Package: "internal/transfer", Test: "TestReadRefusesFiles",
	},
	{
		Row: "ASVS 16.2: all events are on record", Defence: "an export is on record",
		File:    "caddyplugin/admin_export.go",
		Old:     "if err := t.app.engine.store.Record(r.Context(), t.event); err != nil {",
		New:     "if err := error(nil); err != nil {",
		Package: "test/lifecycle", Test: "TestExport_RoundTrip",
	},
	{
		Row: "ASVS 16.2: who acts is on record", Defence: "an export wants a reason",
		File:    "caddyplugin/admin_export.go",
		Old:     "newTransferring(r, true)",
		New:     "newTransferring(r, false)",
		Package: "test/lifecycle", Test: "TestExport_Refused",
	},
	{
		Row: "ASVS 14.2: secrets stay private", Defence: "an export's file is readable by its owner only",
		File:    "caddyplugin/command_export.go",
		Old:     "f, err := os.CreateTemp(filepath.Dir(name), \".export-*\") // 0600",
		New:     "f, err := os.Create(filepath.Join(filepath.Dir(name), \"export.part\"))",
		Package: "test/lifecycle", Test: "TestExport_RoundTrip",
	},
	{
		Row: "F. CSRF on every change", Defence: "imports and exports want a media type that no form has",
		File:    "caddyplugin/admin_transfer.go",
		Old:     "if err != nil || kind != mediaTypes[format] {",
		New:     "if kind == \"\" && err == nil {",
		Package: "test/lifecycle", Test: "TestAttack_ImportByForm",
	},
}
