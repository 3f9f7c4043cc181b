package templates

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// defaultLanguage is the language that has every message (New checks that). A message that
// another language lacks is shown in it.
const defaultLanguage = "en"

// maxAccept bounds the Accept-Language header that is parsed; longer ones are ignored.
const maxAccept = 512

// Text is a message with its parameters, before it is translated to the reader's language.
type Text struct {
	// ID is the message's id in the locale files, such as "code.wrong". Empty stands for no
	// text.
	ID string
	// Data are the parameters by name. "Count", an int, also selects the plural form. A
	// parameter may be a Text, which is translated first.
	Data map[string]any
}

// Say returns a Text from an id and pairs of name and value.
func Say(id string, pairs ...any) Text {
	t := Text{ID: id}
	for i := 0; i+1 < len(pairs); i += 2 {
		if t.Data == nil {
			t.Data = make(map[string]any, len(pairs)/2)
		}
		t.Data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return t
}

type locales struct {
	tags       []string
	messages   []string // the ids that English has
	matcher    language.Matcher
	localizers map[string]*i18n.Localizer
}

// loadLocales reads the built-in translations and those of extra, English first.
func loadLocales(extra fs.FS) (*locales, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	l := &locales{localizers: map[string]*i18n.Localizer{}}
	builtin, err := fs.Sub(localeFiles, "locales")
	if err != nil {
		return nil, err
	}
	for _, files := range []fs.FS{builtin, extra} {
		if err := l.read(bundle, files); err != nil {
			return nil, err
		}
	}
	tags := make([]language.Tag, len(l.tags))
	for i, tag := range l.tags {
		l.localizers[tag] = i18n.NewLocalizer(bundle, tag, defaultLanguage)
		tags[i] = language.Make(tag)
	}
	l.matcher = language.NewMatcher(tags)
	return l, nil
}

func (l *locales) read(bundle *i18n.Bundle, files fs.FS) error {
	if files == nil {
		return nil
	}
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("reading translations: %w", err)
		}
		file, err := bundle.ParseMessageFileBytes(text, path.Base(name))
		if err != nil {
			return fmt.Errorf("translations %s: %w", name, err)
		}
		l.add(strings.TrimSuffix(name, ".json"), file.Messages)
	}
	return nil
}

// add remembers a language; English comes first, because the matcher falls back to the first.
func (l *locales) add(tag string, messages []*i18n.Message) {
	if tag == defaultLanguage {
		for _, m := range messages {
			l.messages = append(l.messages, m.ID)
		}
	}
	if slices.Contains(l.tags, tag) {
		return
	}
	l.tags = append(l.tags, tag)
	if tag == defaultLanguage {
		l.tags[0], l.tags[len(l.tags)-1] = l.tags[len(l.tags)-1], l.tags[0]
	}
}

// check returns an error for an English message that can't be shown. Every other language
// falls back to English.
func (l *locales) check() error {
	for _, id := range l.messages {
		// A count satisfies messages with plural forms, and the others ignore it.
		if _, err := l.sentence(defaultLanguage, Say(id, "Count", 2)); err != nil {
			return fmt.Errorf("%s: %w", defaultLanguage, err)
		}
	}
	return nil
}

func (l *locales) match(wanted, accept string) string {
	if slices.Contains(l.tags, wanted) {
		return wanted
	}
	if len(accept) > maxAccept {
		return defaultLanguage
	}
	_, i := language.MatchStrings(l.matcher, accept)
	return l.tags[i]
}

// sentence translates t. If the translation lacks the plural form, its general form is used;
// if it lacks the message, the English one is.
func (l *locales) sentence(lang string, t Text) (string, error) {
	if t.ID == "" {
		return "", nil
	}
	data, err := l.said(lang, t.Data)
	if err != nil {
		return "", err
	}
	s, err := l.localize(lang, i18n.LocalizeConfig{MessageID: t.ID, TemplateData: data, PluralCount: t.Data["Count"]})
	if err != nil {
		s, err = l.localize(lang, i18n.LocalizeConfig{MessageID: t.ID, TemplateData: data})
	}
	if err != nil {
		return "", fmt.Errorf("message %q: %w", t.ID, err)
	}
	return s, nil
}

func (l *locales) localize(lang string, config i18n.LocalizeConfig) (string, error) {
	s, err := l.localizers[lang].Localize(&config)
	var missing *i18n.MessageNotFoundErr
	if errors.As(err, &missing) && s != "" {
		return s, nil // the localizer found it in English
	}
	return s, err
}

// said returns data with each Text translated. In a language that is written from right to
// left, strings such as names are enclosed in Unicode's isolates (FSI and PDI), so that they
// don't change the order of the words around them.
func (l *locales) said(lang string, data map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(data))
	for name, value := range data {
		out[name] = value
		switch v := value.(type) {
		case Text:
			s, err := l.sentence(lang, v)
			if err != nil {
				return nil, err
			}
			out[name] = s
		case string:
			if direction(lang) == "rtl" {
				out[name] = "\u2068" + v + "\u2069"
			}
		}
	}
	return out, nil
}

// moment formats a time in UTC by the message layout, a layout of package time. Package time
// has English month names only, so other languages have layouts with digits.
func (l *locales) moment(lang, layout string, at time.Time) (string, error) {
	if at.IsZero() {
		return l.sentence(lang, Say("common.never"))
	}
	format, err := l.sentence(lang, Say(layout))
	return at.UTC().Format(format), err
}

// rightToLeft are the scripts that are written from right to left (Unicode's
// bidirectional scripts in use today).
var rightToLeft = map[string]bool{
	"Arab": true, "Hebr": true, "Thaa": true, "Syrc": true, "Nkoo": true, "Adlm": true, "Rohg": true,
}

func direction(lang string) string {
	script, _ := language.Make(lang).Script()
	if rightToLeft[script.String()] {
		return "rtl"
	}
	return "ltr"
}

type languageLink struct {
	Tag, Name, Dir, Href string
	Current              bool
}

// languageLinks returns the links of the language switch, or none if the set has only one
// language.
func (s *Set) languageLinks(f Frame) []languageLink {
	if len(s.locales.tags) < 2 {
		return nil
	}
	var links []languageLink
	for _, tag := range s.locales.tags {
		name, err := s.locales.sentence(tag, Say("language"))
		if err != nil {
			name = tag
		}
		q := url.Values{"lang": {tag}}
		maps.Copy(q, f.Query)
		links = append(links, languageLink{Tag: tag, Name: name, Dir: direction(tag), Href: "?" + q.Encode(), Current: tag == f.Language})
	}
	return links
}

// English returns the built-in English sentences, which a translation starts from.
func English() []byte {
	text, err := localeFiles.ReadFile("locales/" + defaultLanguage + ".json")
	if err != nil {
		panic("templates: " + err.Error()) // embedded by name
	}
	return text
}
