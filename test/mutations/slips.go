package mutations

// slips are the defences against slips of operators that would switch the second factor off.
var slips = []Mutation{
	{
		Row: "J1: another store of the realm", Defence: "a store's own witness does not excuse another one with more users",
		File:    "internal/store/witness/judge.go",
		Old:     "			fewest = max(1, u.Activated)\n",
		New:     "			return nil\n",
		Package: "test/suite/lifecycle", Test: "TestAttack_BackToTheFirstDirectory",
	},
	{
		Row: "J1: a rehearsal's restore", Defence: "a restore from before the witness was written excuses nothing",
		File:    "internal/store/witness/judge.go",
		Old:     " && found.Restored.After(w.Signed)\n",
		New:     "\n",
		Package: "internal/store/witness", Test: "TestAttack_OldRestore",
	},
	{
		Row: "J1: two copies of a store in use", Defence: "the keeper looks at the witness before it writes it",
		File:    "internal/store/witness/keeper.go",
		Old:     "if err := k.compare(ctx); err != nil || k.taken {",
		New:     "if err := k.compare(ctx); false && err != nil {",
		Package: "internal/store/witness", Test: "TestAttack_CopiesInUse",
	},
	{
		Row: "J1: two copies of a store in use", Defence: "a contested store does not start",
		File:    "internal/store/witness/judge.go",
		Old:     "	case w.Contested != \"\":\n",
		New:     "	case false:\n",
		Package: "internal/store/witness", Test: "TestAttack_CopiesInUse",
	},
	{
		Row: "J1: two stores for one realm", Defence: "a running server looks for another store with its users",
		File:    "internal/store/witness/contested.go",
		Old:     "	k.tellRival(known)\n",
		New:     "	_ = known\n",
		Package: "internal/store/witness", Test: "TestAttack_RivalInUse",
	},
	{
		Row: "L6: a realm renamed at one of two sites", Defence: "each address of a realm counts",
		File:    "caddyplugin/realms_moved.go",
		Old:     "		if slices.Contains(retired, realm) {\n",
		New:     "		if slices.Contains(retired, realm) || slices.ContainsFunc(before[realm], func(at string) bool { return slices.Contains(now[realm], at) }) {\n",
		Package: "caddyplugin", Test: "TestMoved",
	},
	{
		Row: "I4: realms interchanged, and an alias", Defence: "a site's hosts are compared one by one",
		File:    "caddyplugin/realms_claimed.go",
		Old:     "at: addressesOf(sets, srv.Listen), route",
		New:     "at: addressesOf(nil, []string{addressOf(sets, srv.Listen)}), route",
		Package: "test/suite/lifecycle", Test: "TestAttack_InterchangedAndAlias",
	},
	{
		Row: "L6: another id for the realm's users", Defence: "what ids are made of is kept with the realm",
		File:    "caddyplugin/realms_ids.go",
		Old:     "		if len(earlier) == 0 || id.meets(earlier) {\n",
		New:     "		if len(earlier) == 0 || true {\n",
		Package: "test/suite/lifecycle", Test: "TestAttack_OtherIDs",
	},
	{
		Row: "L6: two ids in one realm", Defence: "sites of one realm have the same ids",
		File:    "caddyplugin/realms_ids.go",
		Old:     "		if len(known) > 0 && !id.meets(known) {\n",
		New:     "		if false && len(known) > 0 && !id.meets(known) {\n",
		Package: "test/suite/lifecycle", Test: "TestTwoSitesWithOtherIDs",
	},
	{
		Row: "a configuration that fails changes nothing", Defence: "the witness follows a configuration that has started",
		File:    "caddyplugin/app.go",
		Old:     "	if err := a.known(); err != nil {\n		return err\n	}\n	noteGrace",
		New:     "	if err := a.known(); err != nil {\n		return err\n	}\n	_ = active{a}.Handle(a.ctx, caddy.Event{})\n	noteGrace",
		Package: "test/suite/lifecycle", Test: "TestAttack_FailedLoadMovesWitness",
	},
	{
		Row: "a site of a realm loses its two_factor", Defence: "a site that is served without its gate is warned about",
		File:    "caddyplugin/realms_moved.go",
		Old:     "	if record == store.MetaSites {\n",
		New:     "	if false {\n",
		Package: "test/suite/lifecycle", Test: "TestAttack_GateRemovedFromOneSite",
	},
}
