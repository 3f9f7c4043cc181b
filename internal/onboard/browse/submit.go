package browse

import (
	"bytes"
	"context"
	"maps"
	"mime/multipart"
	"net/url"
	"slices"

	"golang.org/x/text/encoding"
)

// pair is a field as it is sent.
type pair struct{ name, value string }

// Submit sends a form as a browser does, in the page's character set: its fields as
// they stand, but for those named in values (a name the form does not have is added).
// Its first button is pressed, or that which values name.
func (b *Browser) Submit(ctx context.Context, f *Form, values map[string]string) (*Page, error) {
	button := f.button(values)
	to := f.Action
	if button != nil && button.action != "" {
		u, err := f.page.Parse(button.action)
		if err != nil {
			return nil, problem(ErrNoForm, f.page, "the form's button leads to no web address", "give the address of another page with the form")
		}
		to = u
	}
	r := request{method: f.Method, url: to, from: f.page, header: map[string][]string{}}
	pairs := f.pairs(button, values)
	if f.Method == "GET" {
		u := *to
		u.RawQuery, u.Fragment = f.urlencoded(pairs), ""
		r.url = &u
		return b.navigate(ctx, r)
	}
	kind, body := f.body(pairs)
	r.header.Set("Content-Type", kind)
	r.body = body
	return b.navigate(ctx, r)
}

func (f *Form) button(values map[string]string) *Field {
	var first *Field
	for i := range f.Fields {
		x := &f.Fields[i]
		if x.Type != "submit" && x.Type != "image" {
			continue
		}
		if v, named := values[x.Name]; named && x.Name != "" && (v == x.Value || v == "") {
			return x
		}
		if first == nil {
			first = x
		}
	}
	return first
}

// pairs are what is sent, in the order of the form.
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
				break
			}
			all = append(all, pair{x.Name, x.Value})
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
		// A bytes.Buffer takes every write.
		_ = w.WriteField(f.encode(p.name), f.encode(p.value))
	}
	_ = w.Close()
	return w.FormDataContentType(), out.Bytes()
}

func (f *Form) urlencoded(pairs []pair) string {
	var out bytes.Buffer
	for i, p := range pairs {
		if i > 0 {
			out.WriteByte('&')
		}
		out.WriteString(url.QueryEscape(f.encode(p.name)) + "=" + url.QueryEscape(f.encode(p.value)))
	}
	return out.String()
}

// encode writes text in the page's character set; what that lacks becomes &#…;, as
// browsers have it.
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
