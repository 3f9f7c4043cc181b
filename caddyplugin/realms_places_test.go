package caddyplugin

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/internal/server"
)

// standing adapts a Caddyfile and returns where its realms are.
func standing(t *testing.T, caddyfile string) map[string][]string {
	t.Helper()
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	var c struct {
		Apps struct {
			HTTP struct {
				Servers map[string]struct{ Routes []json.RawMessage }
			}
		}
	}
	if err == nil {
		err = json.Unmarshal(adapted, &c)
	}
	if err != nil {
		t.Fatalf("%s: %v", caddyfile, err)
	}
	now := make(map[string][]string)
	for _, server := range c.Apps.HTTP.Servers {
		for _, raw := range server.Routes {
			var route caddyhttp.Route
			if err := json.Unmarshal(raw, &route); err != nil {
				t.Fatal(err)
			}
			sets, err := json.Marshal(route.MatcherSetsRaw)
			if err != nil {
				t.Fatal(err)
			}
			at := claimant{address: string(sets), route: &route}
			for _, realm := range []string{"shop", "blog", "wiki", defaultRealm} {
				if places := at.find(realm); len(places) > 0 {
					now[realm] = append(now[realm], places...)
				}
			}
		}
	}
	return now
}

// TestAttack_I4_InterchangedHandles: swapped realms within a site are detected, and ordinary edits
// are not taken for a swap.
func TestAttack_I4_InterchangedHandles(t *testing.T) {
	gate := func(realm string) string {
		return "two_factor {\nrealm " + realm + "\nportal wordpress\n}\nrespond x\n"
	}
	handle := func(at, realm string) string { return "handle " + at + " {\n" + gate(realm) + "}\n" }
	site := func(host string, blocks ...string) string {
		text := "http://" + host + " {\n@b host b.example.com\n@old path /blog/* /old/*\n@both {\npath /blog/* /news/*\nhost a.example.com\n}\n"
		for _, b := range blocks {
			text += b
		}
		return text + "}\n"
	}
	usual := site("a.example.com", handle("/shop/*", "shop"), handle("/blog/*", "blog"))
	byHost := site("*.example.com", handle("@b", "blog"), handle("", "shop"))
	for name, tt := range map[string]struct {
		before, now string
		realms      []string
	}{
		"the same":                      {usual, usual, nil},
		"reordered":                     {usual, site("a.example.com", handle("/blog/*", "blog"), handle("/shop/*", "shop")), nil},
		"a path more":                   {usual, site("a.example.com", handle("/shop/*", "shop"), handle("@old", "blog")), nil},
		"a path less":                   {site("a.example.com", handle("/shop/*", "shop"), handle("@old", "blog")), usual, nil},
		"another path":                  {usual, site("a.example.com", handle("/store/*", "shop"), handle("/blog/*", "blog")), nil},
		"a matcher more":                {usual, site("a.example.com", handle("/shop/*", "shop"), handle("@both", "blog")), nil},
		"a portal more":                 {usual, site("a.example.com", handle("/shop/*", "shop"), handle("/blog/*", "blog"), handle("", "wiki")), nil},
		"a portal less":                 {usual, site("a.example.com", handle("/shop/*", "shop")), nil},
		"a site more":                   {usual, usual + site("b.example.com", gate("wiki")), nil},
		"a site more of a realm":        {usual, usual + site("b.example.com", gate("blog")), nil},
		"a portal besides the only one": {site("a.example.com", gate("shop")), site("a.example.com", handle("/blog/*", "blog"), handle("", "shop")), nil},
		"another listing of hosts":      {byHost, site("*.example.com", handle("", "shop"), handle("@b", "blog")), nil},
		"interchanged":                  {usual, site("a.example.com", handle("/shop/*", "blog"), handle("/blog/*", "shop")), []string{"blog", "shop"}},
		"interchanged and a path more":  {usual, site("a.example.com", handle("/shop/*", "blog"), handle("@old", "shop")), []string{"blog", "shop"}},
		"interchanged with the rest":    {site("a.example.com", handle("/blog/*", "blog"), handle("", "shop")), site("a.example.com", handle("/blog/*", "shop"), handle("", "blog")), []string{"blog", "shop"}},
		"interchanged by host":          {byHost, site("*.example.com", handle("@b", "shop"), handle("", "blog")), []string{"blog", "shop"}},
		"the rest is another's":         {site("a.example.com", gate("shop")), site("a.example.com", handle("/blog/*", "shop"), handle("", "blog")), []string{"shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			before, now := standing(t, tt.before), standing(t, tt.now)
			if got := server.MovedRealms(before, now); !slices.Equal(got, tt.realms) {
				t.Errorf("moved are %q, want %q: %v, %v", got, tt.realms, before, now)
			}
		})
	}
}
