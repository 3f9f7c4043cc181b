package check

import (
	"fmt"
	"testing"
)

const shopLines = `whoami /account {
anonymous redirect */login*
user html "#number"
}
sign_out /logout
`

const shopSignIn = "sign_in /login {\npage /login\nusername user\npassword pass\n}\n"

// TestWrongSettingsForThePortalAreFound checks portals with one habit each, with settings that
// ignore it.
func TestWrongSettingsForThePortalAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shop             *shop
		lines            string
		row, saw, remedy string
	}{
		"XML-RPC not denied":     {&shop{xml: true}, shopSignIn, "side door XML-RPC", "/xmlrpc.php answers 200", "`deny /xmlrpc.php`"},
		"JSON-RPC not denied":    {&shop{rpc: true}, shopSignIn, "side door JSON-RPC", "/jsonrpc answers 200", "`deny /jsonrpc`"},
		"token not denied":       {&shop{token: true}, shopSignIn, "side door JSON sign-in", "/api/token answers 200", "`deny /api/token`"},
		"sign_in missing":        {&shop{query: true}, "watch unsafe\n", "side door query login", "shows what only signed-in customers get", "`sign_in { username NAME password NAME }`"},
		"Authorization declared": {&shop{basic: true}, shopSignIn + "trust /account\n", "sign-in seen", "through it not", "out of `trust`"},
		"typed names":            {&shop{echo: true}, shopSignIn, "aliases one user", `"ADA" signs in`, "`trim` and `lower`"},
		"watch unsafe missing":   {&shop{renew: true}, shopSignIn, "sign-in seen", "through it not", "`watch unsafe`"},
		"sign-out not believed":  {&shop{noOut: true}, shopSignIn, "sign-out ends it", "/account", "sign_out PATH"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, fmt.Sprintf(site, shopLines+c.lines, c.shop.start(t)), adaAndBen).fails(t, c.row, c.saw, c.remedy)
		})
	}
}

// TestRightSettingsForThePortalAreFound is the other side: with the remedy all is ok.
func TestRightSettingsForThePortalAreFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shop  *shop
		lines string
	}{
		"plain":              {&shop{}, shopSignIn},
		"XML-RPC denied":     {&shop{xml: true}, shopSignIn + "deny /xmlrpc.php\n"},
		"JSON-RPC denied":    {&shop{rpc: true}, shopSignIn + "deny /jsonrpc\n"},
		"token denied":       {&shop{token: true}, shopSignIn + "deny /api/token\n"},
		"sign_in declared":   {&shop{query: true}, "watch unsafe\n" + shopSignIn},
		"Basic stripped":     {&shop{basic: true}, shopSignIn},
		"set-up demanded":    {&shop{}, shopSignIn + "require always\nsupport a@example.com\n"},
		"own path and realm": {&shop{}, shopSignIn + "path /gate\nrealm shop\n"},
		"other codes":        {&shop{}, shopSignIn + "totp {\ndigits 8\nperiod 60s\nalgorithm SHA256\nskew 0\n}\n"},
		"observing":          {&shop{}, shopSignIn + "mode observe\n"},
		"impatient":          {&shop{}, shopSignIn + "throttle {\nfree 0\n}\n"},
		"renewed sessions":   {&shop{renew: true}, shopSignIn + "watch unsafe\n"},
		"sign-out by a form": {&shop{askOut: true}, shopSignIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, fmt.Sprintf(site, shopLines+c.lines, c.shop.start(t)), adaAndBen).allOK(t)
		})
	}
}

func TestNormalizedNamesAreOneUser(t *testing.T) {
	t.Parallel()
	s := &shop{echo: true}
	lines := `whoami /account {
anonymous redirect */login*
user html "#number"
trim
lower
}
sign_out /logout
` + shopSignIn
	r := check(t, fmt.Sprintf(site, lines, s.start(t)), adaAndBen)
	r.allOK(t)
	if row := rowOf(r.out, "aliases one user"); row == "" {
		t.Error(r.out)
	}
}
