package templates

import (
	"embed"
	"errors"
	"fmt"
	html "html/template"
	"slices"
	"strings"
	text "text/template"
	"time"
)

//go:embed mail/*
var mailFiles embed.FS

// Letter has the facts of a mail to a user; Set.Write makes its text. A mail has no link.
type Letter struct {
	// Kind is one of LetterKinds.
	Kind string
	// Portal is the portal's name, Account that of the account.
	Portal, Account string
	// At is the time of the event. Address, Browser and System are the client's; each may
	// be empty.
	At                       time.Time
	Address, Browser, System string
	// Code and Minutes, how long it is valid, are set for the kind "enrol_code" only.
	Code    string
	Minutes int
	// Support is the contact of support, or empty.
	Support string
}

// Written is the text of a letter: the subject, and the content as plain text and as HTML.
type Written struct{ Subject, Text, HTML string }

// words has for each kind of letter the part of its message ids that names it. The messages
// are mail.NAME_subject, mail.NAME_what (what happened) and mail.NAME_not_you (what to do if
// the reader did not do it).
var words = map[string]string{
	"enrolled": "enrolled", "replaced": "replaced", "disabled": "disabled", "enrol_code": "enrol_code", "throttled": "wrong_codes",
	"backup_codes_generated": "backup_codes_generated", "backup_code_used": "backup_code_used", "recovery_code_used": "recovery_code_used",
	"sessions_ended": "sessions_ended", "staff_reset": "staff_reset", "staff_unlocked": "staff_unlocked",
	"staff_ended_sessions": "staff_ended_sessions", "staff_recovery_code": "staff_recovery_code",
}

// HasLetter reports whether a kind of letter can be written.
func HasLetter(kind string) bool { return words[kind] != "" }

// letters are the templates of one language.
type letters struct {
	text *text.Template
	html *html.Template
}

func (s *Set) parseLetters(lang string) (letters, error) {
	plain, err := text.New("letter.txt").Funcs(text.FuncMap(s.functions(lang))).ParseFS(mailFiles, "mail/letter.txt")
	if err != nil {
		return letters{}, fmt.Errorf("parsing the letter: %w", err)
	}
	rich, err := html.New("letter.html").Funcs(s.functions(lang)).ParseFS(mailFiles, "mail/letter.html")
	if err != nil {
		return letters{}, fmt.Errorf("parsing the letter: %w", err)
	}
	return letters{plain, rich}, nil
}

// letterView is what both templates see.
type letterView struct {
	Letter
	Language, Dir         string
	Subject, What, NotYou Text
	Facts                 []fact
}

// fact is a line about the event, such as its time.
type fact struct {
	Name  Text
	Value string
}

// Write returns the text of a letter in a language, or in English if the set does not have
// that language.
func (s *Set) Write(lang string, l Letter) (Written, error) {
	if !HasLetter(l.Kind) {
		return Written{}, fmt.Errorf("there are no words for a letter of kind %q", l.Kind)
	}
	if !slices.Contains(s.locales.tags, lang) {
		lang = defaultLanguage
	}
	id := "mail." + words[l.Kind]
	v := letterView{Letter: l, Language: lang, Dir: direction(lang),
		Subject: Say(id+"_subject", "Portal", l.Portal), What: Say(id + "_what"), NotYou: Say(id + "_not_you")}
	var err error
	if v.Facts, err = s.facts(lang, &l); err != nil {
		return Written{}, err
	}
	return s.write(v)
}

func (s *Set) write(v letterView) (Written, error) {
	var out Written
	var err error
	if out.Subject, err = s.Sentence(v.Language, v.Subject); err != nil {
		return out, err
	}
	var plain, rich strings.Builder
	t := s.letters[v.Language]
	if err := errors.Join(t.text.Execute(&plain, v), t.html.Execute(&rich, v)); err != nil {
		return out, fmt.Errorf("writing a letter: %w", err)
	}
	out.Text, out.HTML = plain.String(), rich.String()
	return out, nil
}

// facts returns the lines about the event. What is not known is left out.
func (s *Set) facts(lang string, l *Letter) ([]fact, error) {
	when, err := s.locales.moment(lang, "time_layout", l.At)
	if err != nil {
		return nil, err
	}
	with := l.Browser
	if l.Browser != "" && l.System != "" {
		if with, err = s.Sentence(lang, Say("mail.browser_on", "Browser", l.Browser, "System", l.System)); err != nil {
			return nil, err
		}
	}
	facts := []fact{{Say("mail.account"), l.Account}, {Say("mail.when"), when}, {Say("mail.address"), l.Address}, {Say("mail.browser"), with}}
	return slices.DeleteFunc(facts, func(f fact) bool { return f.Value == "" }), nil
}
