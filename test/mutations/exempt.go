package mutations

// exemptions are the defences of `trust`, `public`, `guest` and `deny`, and of realms
// that belong to one site, against what the configuration says.
var exemptions = []Mutation{
	{
		Row: "I2", Defence: "a repeated parameter opens nothing",
		File:    "internal/portal/exempt/field.go",
		Old:     "	return count == 1 && holds\n",
		New:     "	return count >= 1 && holds\n",
		Package: "internal/portal/exempt", Test: "TestAttack_I2_RepeatedQuery",
	},
	{
		Row: "I2", Defence: "a parameter under another spelling opens nothing",
		File:    "internal/portal/exempt/field.go",
		Old:     "route.DecodeParameter(name) == p.name && p.is(",
		New:     "p.is(",
		Package: "internal/portal/exempt", Test: "TestAttack_I2_RepeatedQuery",
	},
	{
		Row: "I2", Defence: "a query that begins within the path opens nothing",
		File:    "internal/portal/exempt/field.go",
		Old:     "	if !readable(sent) || beginsQuery(readings[i]) {",
		New:     "	if !readable(sent) {",
		Package: "internal/portal/exempt", Test: "TestAttack_I2_RepeatedQuery",
	},
	{
		Row: "I2", Defence: "a repeated header opens nothing",
		File:    "internal/portal/exempt/field.go",
		Old:     "	case lines != 1 || len(own) != 1:",
		New:     "	case len(own) == 0:",
		Package: "internal/portal/exempt", Test: "TestAttack_I2_RepeatedHeader",
	},
	{
		Row: "I2", Defence: "under not, what opens looks at every way of reading what is excluded",
		File:    "internal/portal/exempt/exempt.go",
		Old:     "readings, i, !sure)\n",
		New:     "readings, i, sure)\n",
		Package: "internal/portal/exempt", Test: "TestAttack_I2_NotOpens",
	},
	{
		Row: "I3", Defence: "matchers that can't be decided are refused",
		File:    "internal/portal/exempt/exempt.go",
		Old:     "	if len(compiled) < len(matchers) {",
		New:     "	if false {",
		Package: "internal/portal/exempt", Test: "TestAttack_I3_Undecidable",
	},
	{
		Row: "I3", Defence: "placeholders in matchers are refused",
		File:    "internal/portal/exempt/value.go",
		Old:     "		if strings.Contains(text, \"{\") {",
		New:     "		if false {",
		Package: "internal/portal/exempt", Test: "TestAttack_I3_Undecidable",
	},
	{
		Row: "I3", Defence: "a configuration in JSON is refused as well",
		File:    "config/validate.go",
		Old:     "		if err := exempt.Check(m); err != nil {",
		New:     "		if err := exempt.Check(m); err != nil && false {",
		Package: "config", Test: "TestValidateNamesWhatIsWrong",
	},
	{
		Row: "I4", Defence: "equal sites don't share a realm that none of them names",
		File:    "caddyplugin/realms_claimed.go",
		Old:     "	case site.Realm == \"\" && c.unnamed != nil:",
		New:     "	case site.Realm == \"\" && c.unnamed != nil && false:",
		Package: "caddyplugin", Test: "TestAttack_I4_EqualSites",
	},
	{
		Row: "I4", Defence: "a named route in JSON, which several sites may invoke, names its realm",
		File:    "caddyplugin/realms_claimed.go",
		Old:     "	case site.Realm == \"\" && at.shared:",
		New:     "	case site.Realm == \"\" && at.shared && false:",
		Package: "caddyplugin", Test: "TestAttack_I4_EqualSites",
	},
	{
		Row: "I4", Defence: "a second directive without a realm is refused when the Caddyfile is adapted",
		File:    "caddyplugin/caddyfile_realm.go",
		Old:     "	case realm == \"\" && known.unnamed != nil:",
		New:     "	case realm == \"\" && known.unnamed != nil && false:",
		Package: "caddyplugin", Test: "TestAdapt",
	},
	{
		Row: "I6", Defence: "a response without a token needs a sign that the sign-in failed",
		File:    "internal/portal/whoami/token.go",
		Old:     "		return res.Status >= http.StatusBadRequest && res.Status < http.StatusInternalServerError\n",
		New:     "		return res.Status >= http.StatusOK\n",
		Package: "internal/portal/whoami", Test: "TestAttack_I6_HiddenToken",
	},
}
