package config

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestWithoutTakesAway(t *testing.T) {
	whole, err := Site{Portal: "wordpress"}.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	site := Site{Portal: "wordpress", Deny: paths("/debug"), Without: Without{
		"deny": {"/xmlrpc.php"}, "leave": {"wp-saving-post"}, "sign_out": nil, "sign_in": {}, "rotates": nil,
	}}
	got, err := site.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Deny, paths("/debug")) || got.SignOut != nil || got.SignIn != nil {
		t.Errorf("got %s", asJSON(t, got))
	}
	if !reflect.DeepEqual(got.Leave, whole.Leave[1:]) {
		t.Errorf("leave %q, whole %q", got.Leave, whole.Leave)
	}
	if again, err := (Site{Portal: "wordpress"}).Resolved(); err != nil || !reflect.DeepEqual(again, whole) {
		t.Errorf("the preset itself was changed: %v\n%s", err, asJSON(t, again))
	}
}

func TestWithoutNamesQueries(t *testing.T) {
	p := Preset{Name: "x", Site: Site{Deny: append(paths("/a"), queries("key", "token")...)}}
	if err := (Without{"deny": {"?key=*", "/a"}}).take(&p); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(p.Site.Deny, queries("token")) {
		t.Errorf("left: %s", asJSON(t, p.Site.Deny))
	}
}

func TestWithoutErrors(t *testing.T) {
	for _, c := range []struct {
		site        Site
		where, says string
	}{
		{Site{Portal: "wordpress", Without: Without{"deny": {"/xmlrpc"}}}, "without.deny", `"/xmlrpc" is not there; want one of: /xmlrpc.php`},
		{Site{Portal: "wordpress", Without: Without{"whoami": nil}}, "without.whoami", `"whoami" cannot be left out`},
		{Site{Portal: "wordpress", Without: Without{"rotates": {"no"}}}, "without.rotates", `"no" is too much`},
		{Site{Whoami: whole().Whoami, Without: Without{"deny": nil}}, "without", "no preset"},
	} {
		_, err := c.site.Resolved()
		var bad *Error
		if !errors.As(err, &bad) || bad.Where != c.where || !strings.Contains(bad.Problem, c.says) {
			t.Errorf("%s: got %v", asJSON(t, c.site.Without), err)
		}
	}
}

// TestPresetsFillInAll: a preset fills in all settings that it names. An empty one would promise a
// protection that is not there.
func TestPresetsFillInAll(t *testing.T) {
	for _, p := range Presets() {
		want, err := p.Site.Resolved()
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		got, err := Site{Portal: p.Name}.Resolved()
		if err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: portal gives %s\nthe preset says %s", p.Name, asJSON(t, got), asJSON(t, want))
		}
		if p.Portal == "" || len(p.Sources) == 0 {
			t.Errorf("%s says not what it is for, or where it is from", p.Name)
		}
		if warnings := p.Site.Warnings(); len(warnings) > 0 {
			t.Errorf("%s: %q", p.Name, warnings)
		}
	}
}

// TestPresetNotesAreShown: every note of a preset is above an existing setting.
func TestPresetNotesAreShown(t *testing.T) {
	for _, p := range Presets() {
		text, err := p.Caddyfile()
		if err != nil {
			t.Fatal(err)
		}
		for where, note := range p.Notes {
			if !strings.Contains(text, "# "+strings.Split(note, "\n")[0]) {
				t.Errorf("%s: the note of %s is not there:\n%s", p.Name, where, text)
			}
		}
	}
}
