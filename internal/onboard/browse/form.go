package browse

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"
	"golang.org/x/text/encoding"
)

// Form is a form on a page, with the fields that a browser may send.
type Form struct {
	Action  *url.URL // the page's own address if the form has no valid action
	Method  string   // GET or POST
	Enctype string
	ID      string
	Fields  []Field // in the page's order, without disabled ones

	page    *url.URL
	charset encoding.Encoding
}

// Field is a control of a form.
type Field struct {
	Name         string
	Type         string // lower case: text, password, hidden, checkbox, select, textarea, submit …
	Value        string
	Sent         bool // a browser sends it if the user changes nothing; false for an unchecked box
	ID           string
	Autocomplete string

	action string // a button's formaction, which replaces the form's Action
}

// Forms returns the page's forms, in its order.
func (p *Page) Forms() (all []*Form) {
	if !p.HTML() {
		return nil
	}
	p.Doc().Find("form").Each(func(_ int, s *goquery.Selection) { all = append(all, p.newForm(s)) })
	return all
}

// Form returns the first form that is wanted, or nil.
func (p *Page) Form(wanted func(*Form) bool) *Form {
	forms := p.Forms()
	if i := slices.IndexFunc(forms, wanted); i >= 0 {
		return forms[i]
	}
	return nil
}

func (p *Page) newForm(s *goquery.Selection) *Form {
	f := &Form{Method: "GET", Enctype: "application/x-www-form-urlencoded", ID: s.AttrOr("id", ""), Action: p.URL, page: p.URL, charset: p.encoding()}
	if action := s.AttrOr("action", ""); strings.TrimSpace(action) != "" {
		if u, err := p.Resolve(action); err == nil {
			f.Action = u
		}
	}
	if strings.EqualFold(s.AttrOr("method", ""), "post") {
		f.Method = "POST"
	}
	if strings.EqualFold(s.AttrOr("enctype", ""), "multipart/form-data") {
		f.Enctype = "multipart/form-data"
	}
	p.controls(s).Each(func(_ int, c *goquery.Selection) {
		f.Fields = append(f.Fields, fieldsOf(c)...)
	})
	for i := range f.Fields {
		if u, err := p.Resolve(f.Fields[i].action); f.Fields[i].action != "" && err == nil {
			f.Fields[i].action = u.String()
		}
	}
	return f
}

const control = "input,select,textarea,button"

// controls returns the form's controls: those inside it, and those with its id in their form
// attribute. A form between the rows of a table is left empty by browsers and by the parser.
// The controls of such a form are those that follow it and belong to no other form.
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

// fieldsOf returns a control's fields: none if it is disabled, several for a list with
// several selected options, else one.
func fieldsOf(c *goquery.Selection) []Field {
	f := Field{
		Name: c.AttrOr("name", ""), ID: c.AttrOr("id", ""), Autocomplete: strings.ToLower(c.AttrOr("autocomplete", "")),
		Value: c.AttrOr("value", ""), action: c.AttrOr("formaction", ""),
	}
	if c.Is("[disabled],fieldset[disabled] *,template *") {
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
		f.Sent, f.Value = c.Is("[checked]"), c.AttrOr("value", "on")
	}
	f.Sent = f.Sent && f.Name != ""
	return []Field{f}
}

// options returns a field for each selected option of a list that is not disabled. If no
// option is selected, a list without `multiple` sends its first option that is not disabled.
func options(f Field, c *goquery.Selection) (all []Field) {
	f.Type, f.Sent = "select", f.Name != ""
	chosen := c.Find("option[selected]")
	if !c.Is("[multiple]") {
		chosen = chosen.Last()
		if chosen.Length() == 0 {
			chosen = c.Find("option:not([disabled])").First()
		}
	}
	chosen.Not("[disabled]").Each(func(_ int, o *goquery.Selection) {
		f.Value = o.AttrOr("value", strings.TrimSpace(o.Text()))
		all = append(all, f)
	})
	return all
}

// Field returns the first field of that name.
func (f *Form) Field(name string) (field Field, ok bool) {
	if i := slices.IndexFunc(f.Fields, func(x Field) bool { return x.Name == name }); i >= 0 {
		return f.Fields[i], true
	}
	return field, false
}

// pair is a field in a request.
type pair struct{ name, value string }

// Submit sends a form in the page's character set. values replace the values of the form's
// fields; a name that the form does not have is added. Submit presses the button that has
// its name and value in values ("" stands for any value), or else the form's first button.
func (b *Browser) Submit(ctx context.Context, f *Form, values map[string]string) (*Page, error) {
	button := f.button(values)
	to := *f.Action
	if button != nil && button.action != "" {
		u, err := f.page.Parse(button.action)
		if err != nil {
			return nil, problem(ErrNoForm, f.page, "the form's button leads to no web address", "give the address of another page with the form")
		}
		to = *u
	}
	r := request{method: f.Method, url: &to, from: f.page}
	pairs := f.pairs(button, values)
	if f.Method == "GET" {
		to.RawQuery, to.Fragment = f.urlencoded(pairs), ""
		return b.navigate(ctx, r)
	}
	kind, body := f.body(pairs)
	r.header, r.body = http.Header{"Content-Type": {kind}}, body
	return b.navigate(ctx, r)
}

// button returns the button that Submit presses, or nil if the form has none.
func (f *Form) button(values map[string]string) (pressed *Field) {
	for i := range f.Fields {
		x := &f.Fields[i]
		if x.Type != "submit" && x.Type != "image" {
			continue
		}
		if v, named := values[x.Name]; named && x.Name != "" && (v == x.Value || v == "") {
			return x
		}
		pressed = cmp.Or(pressed, x)
	}
	return pressed
}

// pairs returns the names and values to send: those of the form in its order, then values
// with names that the form does not have.
func (f *Form) pairs(button *Field, values map[string]string) (all []pair) {
	used := map[string]bool{}
	for i := range f.Fields {
		x := &f.Fields[i]
		v, given := values[x.Name]
		switch {
		case x.Name == "" || x.Type == "button" || x.Type == "reset":
		case x == button:
			if x.Type == "image" {
				all = append(all, pair{x.Name + ".x", "1"}, pair{x.Name + ".y", "1"})
			} else {
				all = append(all, pair{x.Name, x.Value})
			}
			used[x.Name] = true
		case x.Type == "submit" || x.Type == "image":
		case given && !used[x.Name]:
			all = append(all, pair{x.Name, v})
			used[x.Name] = true
		case x.Sent && !given:
			all = append(all, pair{x.Name, x.Value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !used[name] {
			all = append(all, pair{name, values[name]})
		}
	}
	return all
}

func (f *Form) body(pairs []pair) (kind string, body []byte) {
	if f.Enctype != "multipart/form-data" {
		return f.Enctype, []byte(f.urlencoded(pairs))
	}
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, p := range pairs {
		// Writing to a bytes.Buffer can't fail.
		_ = w.WriteField(f.encode(p.name), f.encode(p.value))
	}
	_ = w.Close()
	return w.FormDataContentType(), out.Bytes()
}

func (f *Form) urlencoded(pairs []pair) string {
	out := make([]string, len(pairs))
	for i, p := range pairs {
		out[i] = url.QueryEscape(f.encode(p.name)) + "=" + url.QueryEscape(f.encode(p.value))
	}
	return strings.Join(out, "&")
}

// encode writes text in the page's character set. Characters that it lacks become &#…;,
// as in browsers.
func (f *Form) encode(text string) string {
	if f.charset == nil {
		return text
	}
	got, err := encoding.HTMLEscapeUnsupported(f.charset.NewEncoder()).String(text)
	if err != nil {
		return text
	}
	return got
}
