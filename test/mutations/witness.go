package mutations

// witnessed are the defences against a store that was lost.
var witnessed = []Mutation{
	{
		Row: "J1: an empty directory is no first start", Defence: "a start without a store is refused where one is expected",
		File:    "internal/store/witness/judge.go",
		Old:     "	case w == nil && found.Empty:\n		return judgeEmpty(known, found)\n",
		New:     "	case w == nil && found.Empty:\n		return nil\n",
		Package: "test/lifecycle", Test: "TestAttack_J1_MistypedDirectoryOnReload",
	},
	{
		Row: "J1: an older copy of the store", Defence: "the audit log never goes backwards",
		File:    "internal/store/witness/judge.go",
		Old:     "case found.Head.Seq < w.Head.Seq:",
		New:     "case found.Head.Seq+1000 < w.Head.Seq:",
		Package: "internal/store/witness", Test: "TestJudge",
	},
	{
		Row: "J1: an older copy of the store", Defence: "the witness's entry is still the one that was witnessed",
		File:    "internal/store/witness/judge.go",
		Old:     "case found.At != \"\" && found.At != w.Head.Hash:",
		New:     "case false:",
		Package: "test/lifecycle", Test: "TestAttack_J1_Start",
	},
	{
		Row: "J1: another store", Defence: "a store answers only for realms that no other one has users of",
		File:    "internal/store/witness/judge.go",
		Old:     "if other.Store != found.Store && other.Activated[u.Realm] > 0 &&",
		New:     "if false && other.Activated[u.Realm] > 0 &&",
		Package: "internal/store/witness", Test: "TestJudge",
	},
	{
		Row: "J1: users vanish", Defence: "the audit log explains how many users there are",
		File:    "internal/store/witness/judge.go",
		Old:     "return max(0, w.Activated[u.Realm]-u.Activated-u.Explained)",
		New:     "return 0 * w.Activated[u.Realm]",
		Package: "test/lifecycle", Test: "TestJ1_UsersVanishWhileRunning",
	},
	{
		Row: "J1: a witness is signed", Defence: "a changed witness is refused",
		File:    "internal/store/witness/witness.go",
		Old:     "	w.Forged = true\n",
		New:     "",
		Package: "internal/store/witness", Test: "TestSignature",
	},
	{
		Row: "J1: it can't be known whether a store was lost", Defence: "a storage of Caddy's that can't be read refuses the start",
		File:    "internal/store/witness/storage.go",
		Old:     "return nil, fmt.Errorf(\"reading %s in Caddy's storage: %w\", name, err)",
		New:     "continue",
		Package: "test/lifecycle", Test: "TestJ1_UnreadableStorage",
	},
	{
		Row: "J1: MANIFEST is gone", Defence: "files are examined before Badger repairs them",
		File:    "internal/store/badger/examine.go",
		Old:     "	if !files.manifest {\n",
		New:     "	if false {\n",
		Package: "internal/store/badger", Test: "TestAttack_J1_FilesThatCannotBeOpened",
	},
	{
		Row: "J6: a damaged block", Defence: "a user that damage may hide is not taken for none",
		File:    "internal/store/records/read.go",
		Old:     "damage := d.engine.Damage(); damage != nil && errors.Is(err, store.ErrNotFound) {",
		New:     "damage := d.engine.Damage(); false && errors.Is(err, store.ErrNotFound) {",
		Package: "internal/store/badger", Test: "TestAttack_J6_HiddenUser",
	},
	{
		Row: "J6: a damaged block leaves ready ok", Defence: "a damaged store is not ready",
		File:    "internal/store/records/db.go",
		Old:     "	if err := d.engine.Damage(); err != nil {\n		return err\n	}\n",
		New:     "",
		Package: "test/lifecycle", Test: "TestAttack_J6_NotReady",
	},
}
