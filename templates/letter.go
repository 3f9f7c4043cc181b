package templates

import (
	"embed"
	"fmt"
	html "html/template"
	"io"
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

// words has the message ids for each kind of letter: the subject, what happened, and what to
// do if the reader did not do it.
var words = map[string]struct{ subject, what, notYou string }{
	"enrolled":               {"mail.enrolled_subject", "mail.enrolled_what", "mail.enrolled_not_you"},
	"replaced":               {"mail.replaced_subject", "mail.replaced_what", "mail.replaced_not_you"},
	"disabled":               {"mail.disabled_subject", "mail.disabled_what", "mail.disabled_not_you"},
	"backup_codes_generated": {"mail.backup_codes_generated_subject", "mail.backup_codes_generated_what", "mail.backup_codes_generated_not_you"},
	"backup_code_used":       {"mail.backup_code_used_subject", "mail.backup_code_used_what", "mail.backup_code_used_not_you"},
	"recovery_code_used":     {"mail.recovery_code_used_subject", "mail.recovery_code_used_what", "mail.recovery_code_used_not_you"},
	"throttled":              {"mail.wrong_codes_subject", "mail.wrong_codes_what", "mail.wrong_codes_not_you"},
	"staff_reset":            {"mail.staff_reset_subject", "mail.staff_reset_what", "mail.staff_reset_not_you"},
	"staff_unlocked":         {"mail.staff_unlocked_subject", "mail.staff_unlocked_what", "mail.staff_unlocked_not_you"},
	"sessions_ended":         {"mail.sessions_ended_subject", "mail.sessions_ended_what", "mail.sessions_ended_not_you"},
	"staff_ended_sessions":   {"mail.staff_ended_sessions_subject", "mail.staff_ended_sessions_what", "mail.staff_ended_sessions_not_you"},
	"staff_recovery_code":    {"mail.staff_recovery_code_subject", "mail.staff_recovery_code_what", "mail.staff_recovery_code_not_you"},
	"enrol_code":             {"mail.enrol_code_subject", "mail.enrol_code_what", "mail.enrol_code_not_you"},
}

// HasLetter reports whether a kind of letter can be written.
func HasLetter(kind string) bool { return words[kind].what != "" }

// letters are the templates of one language.
type letters struct {
	text *text.Template
	html *html.Template
}

func (s *Set) parseLetters(lang string) (letters, error) {
	var l letters
	var err error
	if l.text, err = text.New("letter.txt").Funcs(text.FuncMap(s.functions(lang))).ParseFS(mailFiles, "mail/letter.txt"); err != nil {
		return l, fmt.Errorf("parsing the letter: %w", err)
	}
	if l.html, err = html.New("letter.html").Funcs(s.functions(lang)).ParseFS(mailFiles, "mail/letter.html"); err != nil {
		return l, fmt.Errorf("parsing the letter: %w", err)
	}
	return l, s.locales.checkTemplate(l.html)
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
	w, ok := words[l.Kind]
	if !ok {
		return Written{}, fmt.Errorf("there are no words for a letter of kind %q", l.Kind)
	}
	if !slices.Contains(s.locales.tags, lang) {
		lang = defaultLanguage
	}
	v := letterView{Letter: l, Language: lang, Dir: direction(lang),
		Subject: Say(w.subject, "Portal", l.Portal), What: Say(w.what), NotYou: Say(w.notYou)}
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
	t := s.letters[v.Language]
	for _, part := range []struct {
		to  *string
		run func(w io.Writer) error
	}{
		{&out.Text, func(w io.Writer) error { return t.text.Execute(w, v) }},
		{&out.HTML, func(w io.Writer) error { return t.html.Execute(w, v) }},
	} {
		var b strings.Builder
		if err := part.run(&b); err != nil {
			return out, fmt.Errorf("writing a letter: %w", err)
		}
		*part.to = b.String()
	}
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
	var facts []fact
	for _, f := range []fact{{Say("mail.account"), l.Account}, {Say("mail.when"), when}, {Say("mail.address"), l.Address}, {Say("mail.browser"), with}} {
		if f.Value != "" {
			facts = append(facts, f)
		}
	}
	return facts, nil
}
