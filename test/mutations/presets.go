package mutations

// presets are the defences that a preset is.
var presets = []Mutation{
	{
		Row: "Ask: unknown is never anonymous", Defence: "phpMyAdmin's form with an error of the database is no sign of a stranger",
		File:    "config/preset_phpmyadmin.go",
		Old:     `body:not(:has(#pma_errors, .col-12 > .alert:contains("#"), .col-12 > .alert:contains("MySQL"))) `,
		New:     ``,
		Package: "internal/portal/whoami", Test: "TestPresets",
	},
	{
		Row: "Ask: one user is one person", Defence: "a name on one of several database servers is no identity",
		File:    "config/preset_phpmyadmin.go",
		Old:     `User: &Extractor{HTML: "html:not(:has(#select_server)) head script"`,
		New:     `User: &Extractor{HTML: "head script"`,
		Package: "internal/portal/whoami", Test: "TestPresets",
	},
	{
		Row: "Ask: unknown is never anonymous", Defence: "a header that hides users from MediaWiki's API is refused",
		File:    "config/preset_mediawiki.go",
		Old:     `"Treat-As-Untrusted": {"*"}`,
		New:     `"X-Treat-As-Untrusted": {"*"}`,
		Package: "test/suite/gatewayrules", Test: "TestPresets_ShutSideDoors",
	},
	{
		Row: "A, keys in the address", Defence: "Redmine's keys in the query are refused",
		File:    "config/preset_redmine.go",
		Old:     `queries("key")`,
		New:     `queries("no-key")`,
		Package: "test/suite/gatewayrules", Test: "TestPresets_ShutSideDoors",
	},
	{
		Row: "A, other users in the same session", Defence: "the staff area of Blesta is shut",
		File:    "config/preset_blesta.go",
		Old:     `paths("/admin*", `,
		New:     `paths(`,
		Package: "test/suite/gatewayrules", Test: "TestPresets_ShutSideDoors",
	},
	{
		Row: "deny", Defence: "a preset's deny stays when the site has its own",
		File:    "config/resolve.go",
		Old:     "	s.Deny = join(s.Deny, p.Deny)\n",
		New:     "	if s.Deny == nil {\n		s.Deny = p.Deny\n	}\n",
		Package: "config", Test: "TestPresetIsRefined",
	},
	{
		Row: "deny", Defence: "without takes away what it names, and nothing else",
		File:    "config/without.go",
		Old:     "if len(names) > 0 && !slices.Contains(names, label(v)) {",
		New:     "if len(names) > 1 && !slices.Contains(names, label(v)) {",
		Package: "config", Test: "TestWithoutTakesAway",
	},
	{
		Row: "Errors name the value", Defence: "taking away what a preset does not have is an error",
		File:    "config/without.go",
		Old:     "if !slices.Contains(labels, name) {",
		New:     "if false && !slices.Contains(labels, name) {",
		Package: "config", Test: "TestWithoutErrors",
	},
	{
		Row: "The Caddyfile: written as read", Defence: "text that Caddy would replace is refused",
		File:    "config/caddyfile_token.go",
		Old:     `case strings.Contains(arg, "{$"):`,
		New:     `case strings.Contains(arg, "{$$$"):`,
		Package: "caddyplugin", Test: "FuzzCaddyfileRoundTrip",
	},
	{
		Row: "The Caddyfile: written as read", Defence: "a note cannot end its comment",
		File:    "config/caddyfile.go",
		Old:     `for line := range strings.Lines(plain(note)) {`,
		New:     `for line := range strings.Lines(note) {`,
		Package: "caddyplugin", Test: "TestCaddyfileNotes",
	},
}
