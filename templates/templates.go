// Package templates has the own pages and the mails: the embedded HTML, styles and scripts, the
// brand, and the texts in every language. Packages userpages and staffpages call [Set.Render],
// and package server calls [Set.Write] for mails.
//
// A [Set] from [New] can render every page in every language: New parses all templates and
// checks every English message, to which the other languages fall back. The package's tests
// check that templates and Go code name only messages that English has.
//
// A page is a struct with the fields that its template uses. Values are escaped, except
// fields of the types template.HTML (the QR code) and template.URL (its link).
package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"slices"
	"time"
)

//go:embed html/*.html
var htmlFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

//go:embed locales/*.json
var localeFiles embed.FS

// Options is what a set is made from.
type Options struct {
	Brand Brand
	// Path is where the own pages live, as "/two-factor"; links begin with it.
	Path string
	// Locales holds more translations, one file LANGUAGE.json each at its root; a
	// file here replaces the built-in one of the same name. It may be nil.
	Locales fs.FS
}

// Set has the pages, mails and assets of one site. It is safe for concurrent use.
type Set struct {
	brand   Brand
	path    string
	assets  map[string]Asset
	links   assetLinks
	locales *locales
	pages   map[string]map[string]*template.Template // language, then page
	letters map[string]letters                       // by language
}

// Frame is what surrounds a page and differs from request to request.
type Frame struct {
	// Language is one that Set.Match returned.
	Language string
	// Portal is the portal's name, for the line with the brand and for the title.
	Portal string
	// Query is the page's own query without the language, kept by the language switch.
	Query url.Values
	// Flash is a message about what was just done; empty for none.
	Flash Text
	// Desk surrounds the pages of staff; nil for those of customers.
	Desk *Desk
	// Bare leaves out the links around the card (for the sheet that is printed).
	Bare bool
}

// New parses all templates and translations, and checks that each English message can be shown.
func New(o Options) (*Set, error) {
	loc, err := loadLocales(o.Locales)
	if err == nil {
		err = loc.check()
	}
	if err != nil {
		return nil, err
	}
	brand, err := o.Brand.Check()
	if err != nil {
		return nil, err
	}
	s := &Set{brand: brand, path: o.Path, locales: loc, pages: map[string]map[string]*template.Template{}, letters: map[string]letters{}}
	if err := s.loadAssets(); err != nil {
		return nil, err
	}
	for _, lang := range loc.tags {
		if s.pages[lang], err = s.parse(lang); err != nil {
			return nil, err
		}
		if s.letters[lang], err = s.parseLetters(lang); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// parse reads all pages for one language and binds that language's texts into the functions.
func (s *Set) parse(lang string) (map[string]*template.Template, error) {
	layout, err := template.New("layout.html").Funcs(s.functions(lang)).ParseFS(htmlFiles, "html/layout.html", "html/parts.html", "html/staff_parts.html")
	if err != nil {
		return nil, fmt.Errorf("parsing the layout: %w", err)
	}
	pages := make(map[string]*template.Template, len(pageNames))
	for _, name := range pageNames {
		if pages[name], err = template.Must(layout.Clone()).ParseFS(htmlFiles, "html/"+name+".html"); err != nil {
			return nil, fmt.Errorf("parsing page %s: %w", name, err)
		}
	}
	return pages, nil
}

func (s *Set) functions(lang string) template.FuncMap {
	return template.FuncMap{
		"t":    func(id string, pairs ...any) (string, error) { return s.locales.sentence(lang, Say(id, pairs...)) },
		"text": func(t Text) (string, error) { return s.locales.sentence(lang, t) },
		"at":   func(sub string) string { return s.path + sub },
		"date": func(at time.Time) (string, error) { return s.locales.moment(lang, "date_layout", at) },
		"when": func(at time.Time) (string, error) { return s.locales.moment(lang, "time_layout", at) },
	}
}

// view is the data of the layout's template.
type view struct {
	Page Page
	Frame
	Title     Text
	Dir       string
	Brand     Brand
	Links     assetLinks
	Languages []languageLink
}

// Render returns the HTML of a page in its frame. An error never leaves half a page, because
// the page is complete before it is sent.
func (s *Set) Render(f Frame, page Page) ([]byte, error) {
	name, title := page.page()
	if !slices.Contains(s.locales.tags, f.Language) {
		f.Language = defaultLanguage
	}
	v := view{
		Page: page, Frame: f, Title: title, Dir: direction(f.Language),
		Brand: s.brand, Links: s.links, Languages: s.languageLinks(f),
	}
	var out bytes.Buffer
	if err := s.pages[f.Language][name].ExecuteTemplate(&out, "layout.html", v); err != nil {
		return nil, fmt.Errorf("rendering page %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// Match returns the language to use: the wanted one where the set has it, else the
// best for an Accept-Language header, else English.
func (s *Set) Match(wanted, accept string) string { return s.locales.match(wanted, accept) }

// Has reports whether the set has exactly this language.
func (s *Set) Has(lang string) bool { return slices.Contains(s.locales.tags, lang) }

// Sentence translates a text, for uses outside of HTML such as the file of backup codes.
func (s *Set) Sentence(lang string, t Text) (string, error) { return s.locales.sentence(lang, t) }
