package templates_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates"
	"github.com/secondgate/secondgate/templates/templatestest"
)

func letter(kind string) templates.Letter {
	l := templates.Letter{Kind: kind, Portal: "Oma Avaruus", Account: "alice", At: now, Address: "192.0.2.7", Browser: "Firefox", System: "Linux", Support: "support@example.com"}
	if kind == store.MailEnrolCode {
		l.Code, l.Minutes = "1234 5678", 15
	}
	return l
}

// TestEveryLetterInEveryLanguage: each notice renders completely in every language and contains no
// link.
func TestEveryLetterInEveryLanguage(t *testing.T) {
	set := newSet(t, templates.Brand{})
	link := regexp.MustCompile(`(?i)https?:|href|src=|mailto:|<img|<script`)
	for _, lang := range []string{"en", templatestest.RTL} {
		for _, kind := range templates.LetterKinds() {
			w, err := set.Write(lang, letter(kind))
			if err != nil {
				t.Errorf("%s in %s: %v", kind, lang, err)
				continue
			}
			for part, text := range map[string]string{"subject": w.Subject, "text": w.Text, "HTML": w.HTML} {
				for _, bad := range []string{"<no value>", "ZgotmplZ", "%!", "{{"} {
					if strings.Contains(text, bad) {
						t.Errorf("%s of %s in %s contains %q", part, kind, lang, bad)
					}
				}
				if found := link.FindString(text); found != "" {
					t.Errorf("%s of %s in %s holds a link: %q", part, kind, lang, found)
				}
				if has := strings.Contains(text, "1234 5678"); has != (kind == store.MailEnrolCode && part != "subject") {
					t.Errorf("%s of %s in %s has a code: %v", part, kind, lang, has)
				}
			}
			if w.Subject == "" || strings.ContainsAny(w.Subject, "\r\n") || !strings.Contains(w.Subject, "Oma Avaruus") {
				t.Errorf("the subject of %s in %s is %q", kind, lang, w.Subject)
			}
			for _, want := range []string{"192.0.2.7", "Firefox", "alice", "support@example.com", "Oma Avaruus"} {
				if !strings.Contains(w.Text, want) || !strings.Contains(w.HTML, want) {
					t.Errorf("%s in %s does not say %q:\n%s", kind, lang, want, w.Text)
				}
			}
			if !strings.Contains(w.HTML, `lang="`+lang+`" dir="`) {
				t.Errorf("the HTML of %s does not say that it is %s", kind, lang)
			}
		}
	}
}

// Names are the portal's and the browser's words: text, never markup.
func TestLettersAreEscaped(t *testing.T) {
	set := newSet(t, templates.Brand{})
	l := letter(store.EventEnrolled)
	l.Portal, l.Account, l.Support = "<b>P", "<script>alert(1)</script>", "<i>"
	w, err := set.Write("en", l)
	if err != nil || strings.Contains(w.HTML, "<script>") || strings.Contains(w.HTML, "<b>P") || strings.Contains(w.HTML, "<i>") {
		t.Errorf("markup got into the mail, or %v:\n%s", err, w.HTML)
	}
	if !strings.Contains(w.Text, l.Account) || !strings.HasPrefix(w.Subject, "<b>P") {
		t.Errorf("the text is escaped, too:\n%s\n%s", w.Subject, w.Text)
	}
}

func TestUnknownLetters(t *testing.T) {
	set := newSet(t, templates.Brand{})
	if _, err := set.Write("en", letter("imported")); err == nil || templates.HasLetter("imported") {
		t.Error("a letter of an unknown kind was written")
	}
	w, err := set.Write("xx", letter(store.EventDisabled))
	if err != nil || w.Subject != "Oma Avaruus: two-factor authentication is off" {
		t.Errorf("an unknown language: %q, %v", w.Subject, err)
	}
}
