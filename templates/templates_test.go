package templates_test

import (
	"html/template"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/secondgate/secondgate/templates"
	"github.com/secondgate/secondgate/templates/templatestest"
)

var now = time.Date(2026, 11, 21, 14, 3, 25, 0, time.UTC)

// pages is every page type with every field in use.
func pages() map[string]templates.Page {
	code := templates.Code{
		Label: templates.Say("code.label"), Hint: templates.Say("code.app_hint", "Digits", 6), Digits: 6,
		Error: templates.Say("code.wrong"), More: []templates.Text{templates.Say("code.left", "Count", 1), templates.Say("code.clock", "Time", "14:03:25")},
	}
	contact := templates.Contact{Shown: "support@example.com", Link: "mailto:support@example.com"}
	return map[string]templates.Page{
		"challenge": templates.Challenge{Portal: "Oma Avaruus", Account: "a•••@example.com", Digits: 6, Code: code},
		"backup challenge": templates.Challenge{Portal: "Oma Avaruus", Backup: true,
			Code: templates.Code{Label: templates.Say("code.backup_label"), Hint: templates.Say("code.backup_hint")}},
		"setup": templates.Setup{Portal: "Oma Avaruus", Account: "alice", ID: "e1", Required: true,
			QR: "<svg></svg>", URI: "otpauth://totp/x?secret=ABCD", Key: []string{"ABCD", "EFGH"}, Digits: 6, Period: 30,
			Algorithm: "SHA256", Apps: []templates.App{{Name: "2FAS", Android: "https://a.example", IPhone: "https://i.example"}, {Name: "P", BuiltIn: true}}, Code: code},
		"code by e-mail": templates.MailCode{Portal: "Oma Avaruus", Address: "a•••@example.com", Required: true, Sent: true, Code: code, Support: contact},
		"late code":      templates.MailCode{Address: "a•••@example.com", Sent: true, Late: true, Code: code, Support: contact},
		"failed code":    templates.MailCode{Address: "a•••@example.com", Sent: true, Failed: true, Code: code, Support: contact},
		"no code yet":    templates.MailCode{Address: "a•••@example.com", Code: code, Support: contact},
		"replacement":    templates.Setup{Replaces: true, URI: "otpauth://totp/x", Code: code},
		"proof":          templates.Proof{Code: code},
		"backup":         templates.Backup{Codes: []string{"ABCD-EFGH-JKMN-PQRS"}, Missing: true},
		"sheet":          templates.Sheet{Portal: "Oma Avaruus", Account: "alice", Codes: []string{"ABCD"}, Made: now},
		"manage":         templates.Manage{Left: 3, Total: 10, Code: code},
		"settings": templates.Settings{Portal: "Oma Avaruus", On: true, Since: now, Added: now, BackupLeft: 1, BackupTotal: 10, BackupLow: 2,
			Sessions: []templates.Session{
				{ID: "aa", Browser: "Firefox", System: "Linux", Address: "192.0.2.1", Factor: "totp", Since: now, Seen: now, This: true},
				{ID: "bb", Factor: "backup", Since: now, Seen: now}}},
		"settings off":      templates.Settings{Portal: "Oma Avaruus"},
		"settings required": templates.Settings{Portal: "Oma Avaruus", On: true, Required: true},
		"disable":           templates.Disable{Code: code},
		"help":              templates.Help{Portal: "Oma Avaruus", Support: contact, Now: now},
		"notice":            templates.Notice{Title: templates.Say("not_sent.title"), Body: templates.Say("not_sent.text", "Portal", "P"), Problem: true, Link: "/", LinkText: templates.Say("not_sent.link"), Support: contact},
	}
}

func newSet(t *testing.T, brand templates.Brand) *templates.Set {
	t.Helper()
	locales, err := templatestest.Locales()
	if err != nil {
		t.Fatal(err)
	}
	set, err := templates.New(templates.Options{Brand: brand, Path: "/two-factor", Locales: locales})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestEveryPageRendersInEveryLanguage(t *testing.T) {
	set := newSet(t, templates.Brand{})
	for _, lang := range []string{"en", templatestest.RTL} {
		for name, page := range pages() {
			out, err := set.Render(templates.Frame{Language: lang, Portal: "Oma Avaruus", Flash: templates.Say("flash.enabled")}, page)
			if err != nil {
				t.Errorf("%s in %s: %v", name, lang, err)
			}
			for _, bad := range []string{"<no value>", "ZgotmplZ", "%!", "{{"} {
				if strings.Contains(string(out), bad) {
					t.Errorf("%s in %s contains %q", name, lang, bad)
				}
			}
			if strings.Count(string(out), "<h1>") != 1 {
				t.Errorf("%s in %s: want exactly one main heading", name, lang)
			}
		}
	}
}

// The pages' policy forbids inline code and styles; nothing in them may need it.
func TestNoPageNeedsInlineCode(t *testing.T) {
	set := newSet(t, templates.Brand{})
	inline := regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|<script(?:\s+(?:defer|src="[^"]*"))*>[^<]|javascript:`)
	for name, page := range pages() {
		out, _ := set.Render(templates.Frame{Language: "en"}, page)
		if found := inline.FindString(string(out)); found != "" {
			t.Errorf("%s contains %q", name, found)
		}
	}
}

func TestRightToLeft(t *testing.T) {
	set := newSet(t, templates.Brand{})
	out, err := set.Render(templates.Frame{Language: templatestest.RTL, Portal: "P"}, templates.Help{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<html lang="ar-XB" dir="rtl">`, `hreflang="en" dir="ltr"`, `href="?lang=ar-XB"`} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	css, err := os.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	physical := regexp.MustCompile(`(?m)(?:(?:margin|padding|border)-(?:left|right)|text-align: (?:left|right)|^\s*(?:left|right|float):?)\b`)
	if found := physical.Find(css); found != nil {
		t.Errorf("style.css uses the physical property %q", found)
	}
}

// A name in another direction must not carry the words around it away.
func TestNamesAreIsolatedFromRightToLeft(t *testing.T) {
	set := newSet(t, templates.Brand{})
	for lang, want := range map[string]string{"en": "Back to Oma Avaruus", templatestest.RTL: "\u202eBack to\u202c \u2068Oma Avaruus\u2069"} {
		if got, err := set.Sentence(lang, templates.Say("common.back", "Portal", "Oma Avaruus")); err != nil || got != want {
			t.Errorf("%s: %q, %v", lang, got, err)
		}
	}
}

func TestOneLanguageNeedsNoSwitch(t *testing.T) {
	set, err := templates.New(templates.Options{Path: "/two-factor"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := set.Render(templates.Frame{Language: "xx"}, templates.Help{Now: now})
	if err != nil || strings.Contains(string(out), "lang=") && strings.Contains(string(out), "<nav") {
		t.Errorf("a switch with one language, or error %v", err)
	}
}

func TestMatchLanguage(t *testing.T) {
	set := newSet(t, templates.Brand{})
	for _, c := range []struct{ wanted, accept, want string }{
		{"", "", "en"}, {"", "fi, sv;q=0.8", "en"}, {"", "ar", templatestest.RTL}, {"en", "ar", "en"},
		{"../../etc", "en-GB", "en"}, {"", strings.Repeat("ar,", 400), "en"}, {"", "\x00;;;q=", "en"},
	} {
		if got := set.Match(c.wanted, c.accept); got != c.want {
			t.Errorf("Match(%q, %.20q) = %s, want %s", c.wanted, c.accept, got, c.want)
		}
	}
}

func TestAMissingMessageIsSaidInEnglish(t *testing.T) {
	set, err := templates.New(templates.Options{Locales: fstest.MapFS{"fi.json": {Data: []byte(`{"language": "suomi"}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := set.Sentence("fi", templates.Say("code.missing"))
	if err != nil || got != "Enter a code." {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestBadTranslationsAreRefusedAtStart(t *testing.T) {
	_, err := templates.New(templates.Options{Locales: fstest.MapFS{"fi.json": {Data: []byte(`{"language": `)}}})
	if err == nil || !strings.Contains(err.Error(), "fi.json") {
		t.Errorf("want an error that names the file, got %v", err)
	}
}

// TestABrokenEnglishMessageIsRefusedAtStart: an operator's file may replace English messages,
// to which all languages fall back.
func TestABrokenEnglishMessageIsRefusedAtStart(t *testing.T) {
	_, err := templates.New(templates.Options{Locales: fstest.MapFS{"en.json": {Data: []byte(`{"code": {"missing": "Enter {{.Digits"}}`)}}})
	if err == nil || !strings.Contains(err.Error(), "code.missing") {
		t.Errorf("want an error that names the message, got %v", err)
	}
}

// Text that is typed in or comes from the portal is never markup.
func TestValuesAreEscaped(t *testing.T) {
	set := newSet(t, templates.Brand{})
	evil := `"><script>alert(1)</script>`
	page := templates.Challenge{Portal: evil, Account: evil, Digits: 6, Code: templates.Code{Error: templates.Say("code.left", "Count", 1)}}
	out, err := set.Render(templates.Frame{Language: "en", Portal: evil}, page)
	if err != nil || strings.Contains(string(out), "<script>alert") {
		t.Errorf("markup got through, or error %v", err)
	}
	notice := templates.Notice{Title: templates.Say("not_sent.title"), Link: "javascript:alert(1)"}
	out, err = set.Render(templates.Frame{Language: "en"}, notice)
	if err != nil || strings.Contains(string(out), "javascript:") {
		t.Errorf("a script link got through, or error %v", err)
	}
}

func TestQRAndLinkEnterAsTyped(t *testing.T) {
	set := newSet(t, templates.Brand{})
	page := templates.Setup{QR: template.HTML(`<svg id="q"/>`), URI: template.URL("otpauth://totp/a%20b?secret=AA&issuer=b")}
	out, err := set.Render(templates.Frame{Language: "en"}, page)
	if err != nil || !strings.Contains(string(out), `<svg id="q"/>`) || !strings.Contains(string(out), `href="otpauth://totp/a%20b?secret=AA&amp;issuer=b"`) {
		t.Errorf("error %v, page %s", err, out)
	}
}
