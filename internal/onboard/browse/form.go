package browse

import (
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/text/encoding"
)

// Form is one on a page, with what a browser would send of it untouched.
type Form struct {
	Action  *url.URL
	Method  string // GET or POST
	Enctype string
	ID      string
	Fields  []Field // those that can be sent, in the page's order

	page    *url.URL
	charset encoding.Encoding
}

// Field is a control of a form.
type Field struct {
	Name         string
	Type         string // lower case: text, password, hidden, checkbox, select, textarea, submit …
	Value        string
	Sent         bool // whether a browser sends it as it stands: an unchecked box is not
	ID, Label    string
	Autocomplete string

	action string // of a button that sends the form elsewhere
}

// Forms are the page's, in its order.
func (p *Page) Forms() []*Form {
	var all []*Form
	if !p.HTML() {
		return nil
	}
	p.Doc().Find("form").Each(func(_ int, s *goquery.Selection) { all = append(all, p.form(s)) })
	return all
}

func (p *Page) form(s *goquery.Selection) *Form {
	f := &Form{Method: "GET", Enctype: "application/x-www-form-urlencoded", ID: s.AttrOr("id", ""), Action: p.action(s.AttrOr("action", "")), page: p.URL, charset: p.encoding()}
	if strings.EqualFold(s.AttrOr("method", ""), "post") {
		f.Method = "POST"
	}
	if strings.EqualFold(s.AttrOr("enctype", ""), "multipart/form-data") {
		f.Enctype = "multipart/form-data"
	}
	p.controls(s).Each(func(_ int, c *goquery.Selection) {
		f.Fields = append(f.Fields, fieldsOf(p, c)...)
	})
	return f
}

// action is where a form goes; without one that can be read, to its own page.
func (p *Page) action(href string) *url.URL {
	if strings.TrimSpace(href) == "" {
		return p.URL
	}
	u, err := p.Resolve(href)
	if err != nil {
		return p.URL
	}
	return u
}

const control = "input,select,textarea,button"

// controls are the form's: inside it, or naming it by their form attribute, or, for a
// form written between the rows of a table, where the parser leaves it empty as
// browsers do, those that follow it without a form of their own.
func (p *Page) controls(s *goquery.Selection) *goquery.Selection {
	id, named := s.Attr("id")
	misplaced := s.Children().Length() == 0 && s.Parent().Is("table,tbody,thead,tr")
	behind := false
	return p.Doc().Find("form," + control).FilterFunction(func(_ int, c *goquery.Selection) bool {
		if goquery.NodeName(c) == "form" {
			behind = c.Get(0) == s.Get(0)
			return false
		}
		if owner, ok := c.Attr("form"); ok {
			return named && owner == id
		}
		if own := c.Closest("form"); own.Length() > 0 {
			return own.Get(0) == s.Get(0)
		}
		return misplaced && behind
	})
}

// fieldsOf are a control's fields: one, none if it can't be sent, several for a list
// with several choices.
func fieldsOf(p *Page, c *goquery.Selection) []Field {
	f := Field{
		Name: c.AttrOr("name", ""), ID: c.AttrOr("id", ""), Label: label(p, c), Autocomplete: strings.ToLower(c.AttrOr("autocomplete", "")),
		Value: c.AttrOr("value", ""), action: c.AttrOr("formaction", ""),
	}
	if _, off := c.Attr("disabled"); off || c.Closest("fieldset[disabled]").Length() > 0 || c.Closest("template").Length() > 0 {
		return nil
	}
	switch goquery.NodeName(c) {
	case "select":
		return options(f, c)
	case "textarea":
		f.Type, f.Value, f.Sent = "textarea", c.Text(), true
	case "button":
		f.Type = strings.ToLower(c.AttrOr("type", "submit"))
	default:
		f.Type = strings.ToLower(c.AttrOr("type", "text"))
		f.Sent = !slices.Contains([]string{"submit", "image", "button", "reset", "file"}, f.Type)
	}
	if f.Type == "checkbox" || f.Type == "radio" {
		_, f.Sent = c.Attr("checked")
		f.Value = c.AttrOr("value", "on")
	}
	f.Sent = f.Sent && f.Name != ""
	return []Field{f}
}

// options are a list's choices: those that the page chose, else the first, which is
// what a drop-down list shows.
func options(f Field, c *goquery.Selection) (all []Field) {
	f.Type, f.Sent = "select", f.Name != ""
	chosen := c.Find("option[selected]")
	if _, multiple := c.Attr("multiple"); !multiple {
		if chosen.Length() == 0 {
			chosen = c.Find("option:not([disabled])").First()
		}
		chosen = chosen.Last()
	}
	chosen.Each(func(_ int, o *goquery.Selection) {
		f.Value = o.AttrOr("value", strings.TrimSpace(o.Text()))
		all = append(all, f)
	})
	return all
}

func label(p *Page, c *goquery.Selection) string {
	text := c.AttrOr("aria-label", c.AttrOr("placeholder", ""))
	if l := c.Closest("label"); l.Length() > 0 {
		text = l.Text()
	}
	if id := c.AttrOr("id", ""); id != "" {
		p.Doc().Find("label[for]").EachWithBreak(func(_ int, l *goquery.Selection) bool {
			if l.AttrOr("for", "") != id {
				return true
			}
			text = l.Text()
			return false
		})
	}
	if goquery.NodeName(c) == "button" {
		text = c.Text()
	}
	return strings.Join(strings.Fields(text), " ")
}

// Field gives the first field of that name.
func (f *Form) Field(name string) (Field, bool) {
	i := slices.IndexFunc(f.Fields, func(x Field) bool { return x.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return f.Fields[i], true
}
