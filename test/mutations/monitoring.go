package mutations

// monitoring are the defences of what whoever watches the server sees, and against those
// who ask for it.
var monitoring = []Mutation{
	{
		Row: "Monitoring: no series from strangers", Defence: "a value that is in no list is counted as other",
		File:    "internal/meter/meter.go",
		Old:     "			v = len(l.Values) - 1\n",
		New:     "			v = 0\n",
		Package: "internal/meter", Test: "TestEach",
	},
	{
		Row: "Monitoring: health costs the store little", Defence: "an answer about health serves for three seconds",
		File:    "internal/userpages/health.go",
		Old:     "age < healthKept",
		New:     "age < 0",
		Package: "internal/userpages", Test: "TestHealthKinds",
	},
	{
		Row: "Monitoring: ready tells the truth", Defence: "wrong keys are not ready",
		File:    "caddyplugin/ready.go",
		Old:     "a.engine.keeper.Opens(ctx, a.ring)",
		New:     "nil",
		Package: "caddyplugin", Test: "TestChecks",
	},
	{
		Row: "Monitoring: ready tells the truth", Defence: "a clock that is far off is not ready",
		File:    "caddyplugin/watch_clock.go",
		Old:     "s.Known && s.Offset.Abs() > offsetLimit",
		New:     "s.Known && s.Offset > offsetLimit",
		Package: "caddyplugin", Test: "TestClockIsSane",
	},
	{
		Row: "Monitoring: ready tells the truth", Defence: "an answer of a time server is validated",
		File:    "internal/timesource/timesource.go",
		Old:     "	if err := response.Validate(); err != nil {\n",
		New:     "	if err := error(nil); err != nil {\n",
		Package: "test/suite/monitoring", Test: "TestGarbageTime",
	},
	{
		Row: "Monitoring: codes tell of the clock, and nobody makes them lie", Defence: "each user counts once",
		File:    "internal/lean/lean.go",
		Old:     "[2]string{realm, user}",
		New:     "[2]string{realm, user + age.String() + w.clock().String() + string(rune(len(w.seen)))}",
		Package: "internal/lean", Test: "TestFewUsers",
	},
	{
		Row: "Monitoring: codes tell of the clock, and nobody makes them lie", Defence: "what is kept of codes is bounded",
		File:    "internal/lean/lean.go",
		Old:     "!known && len(w.seen) >= maxUsers",
		New:     "!known && len(w.seen) < 0",
		Package: "internal/lean", Test: "TestBounds",
	},
	{
		Row: "Monitoring: numbers outlive reloads", Defence: "a realm's numbers are the engine's",
		File:    "caddyplugin/metrics.go",
		Old:     "	if e.meters[realm] == nil {\n",
		New:     "	if e.meters != nil {\n",
		Package: "test/suite/monitoring", Test: "TestMetricsOutliveReloads",
	},
}
