package config

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// whole is a site that stands, for tests that break one thing of it.
func whole() Site {
	return Site{Whoami: []Whoami{{
		URI:       "/account",
		Anonymous: []Sign{{Redirect: "*/login"}},
		User:      &Extractor{HTML: "#account-id", Attr: "value"},
	}}}
}

func TestResolvedFillsDefaults(t *testing.T) {
	got, err := whole().Resolved()
	if err != nil {
		t.Fatal(err)
	}
	free, skew, rotates, recheck, settle := 5, 1, false, minutes(1), seconds(2)
	want := whole()
	want.Realm, want.Path, want.Watch, want.Require, want.Mode = "default", "/two-factor", "all", "optional", "enforce"
	want.Rotates, want.Recheck, want.Settle, want.BackupCodes, want.Brand = &rotates, &recheck, &settle, 10, &Brand{}
	want.Session = &Session{Life: hours(12), Idle: minutes(30)}
	want.TOTP = &TOTP{Digits: 6, Period: seconds(30), Algorithm: "SHA1", Skew: &skew}
	want.Throttle = &Throttle{Free: &free, Wait: seconds(30), Max: minutes(15), Stop: 100, Address: &Rate{Count: 30, Per: minutes(10)}}
	want.Leave, want.Credential = got.Leave, got.Credential
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, got), asJSON(t, want))
	}
}

func TestResolvedIsIdempotent(t *testing.T) {
	for _, name := range names() {
		once, err := Site{Portal: name, Leave: []string{"theme"}}.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		twice, err := once.Resolved()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(once, twice) {
			t.Errorf("%s: %s\nbecame %s", name, asJSON(t, once), asJSON(t, twice))
		}
	}
}

func TestResolvedLeavesTheOriginalAlone(t *testing.T) {
	site := whole()
	site.Portal, site.Session, site.Throttle = "wordpress", &Session{Life: hours(1)}, &Throttle{Stop: 10}
	before := asJSON(t, site)
	if _, err := site.Resolved(); err != nil {
		t.Fatal(err)
	}
	if after := asJSON(t, site); after != before {
		t.Errorf("%s\nbecame %s", before, after)
	}
}

func TestPresetIsRefined(t *testing.T) {
	site := Site{Portal: "wordpress", Deny: paths("/debug"), Leave: []string{"theme"}, Watch: "unsafe"}
	got, err := site.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Deny) != 2 || string(got.Deny[0]["path"]) != `["/debug"]` || string(got.Deny[1]["path"]) != `["/xmlrpc.php"]` {
		t.Errorf("deny: %s", asJSON(t, got.Deny))
	}
	if got.Leave[0] != "theme" || len(got.Leave) < 2 || got.Watch != "unsafe" || len(got.Whoami) != 1 {
		t.Errorf("got %s", asJSON(t, got))
	}
}

func TestOwnWhoamiReplacesThePresets(t *testing.T) {
	site := whole()
	site.Portal = "wordpress"
	got, err := site.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Whoami) != 1 || got.Whoami[0].URI != "/account" {
		t.Errorf("whoami: %s", asJSON(t, got.Whoami))
	}
	got, err = Site{Portal: "wordpress", User: "{http.auth.user.id}"}.Resolved()
	if err != nil || len(got.Whoami) != 0 {
		t.Errorf("user beside a preset: %v, whoami %s", err, asJSON(t, got.Whoami))
	}
}

func TestIdleFollowsAShortLife(t *testing.T) {
	site := whole()
	site.Session = &Session{Life: minutes(10)}
	got, err := site.Resolved()
	if err != nil || got.Session.Idle != minutes(10) {
		t.Errorf("idle %s, %v", got.Session.Idle, err)
	}
}

func TestIssuerIsTheBrandsName(t *testing.T) {
	site := whole()
	site.Brand = &Brand{Name: "Oma Avaruus"}
	got, err := site.Resolved()
	if err != nil || got.Issuer != "Oma Avaruus" {
		t.Errorf("issuer %q, %v", got.Issuer, err)
	}
}

// A JSON config must survive Caddy's marshalling as it is.
func TestJSONRoundTrip(t *testing.T) {
	want, err := Site{Portal: "wordpress"}.Resolved()
	if err != nil {
		t.Fatal(err)
	}
	var got Site
	d := json.NewDecoder(strings.NewReader(asJSON(t, want)))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if asJSON(t, got) != asJSON(t, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, got), asJSON(t, want))
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
