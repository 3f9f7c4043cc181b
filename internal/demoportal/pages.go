package demoportal

import (
	"bytes"
	"html/template"
	"net/http"
)

// parsePages reads every page within the common layout. The files are compiled in,
// so a mistake shows in the first test.
func parsePages() map[string]*template.Template {
	pages := make(map[string]*template.Template)
	for _, name := range []string{"front", "login", "account", "invoices", "settings", "transfer"} {
		pages[name] = template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html"))
	}
	return pages
}

// view is what the layout shows; Page is for the page itself.
type view struct {
	Title string
	// Customer is nil for strangers.
	Customer *Customer
	Page     any
}

// render writes the page.
func (p *Portal) render(w http.ResponseWriter, r *http.Request, page, title string, data any) {
	v := view{Title: title, Page: data}
	if customer, ok := p.signedIn(r); ok {
		v.Customer = &customer
	}
	var b bytes.Buffer
	if err := p.pages[page].ExecuteTemplate(&b, "layout", v); err != nil {
		http.Error(w, "This page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "private, no-cache")
	_, _ = b.WriteTo(w)
}

func (p *Portal) front(w http.ResponseWriter, r *http.Request) {
	p.render(w, r, "front", "Hosting with room to grow", nil)
}
