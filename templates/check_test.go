package templates

import (
	"html/template"
	"strings"
	"testing"
)

// The check at start must see messages wherever a template can name one.
func TestCheckFindsUnknownMessages(t *testing.T) {
	l, err := loadLocales(nil)
	if err != nil {
		t.Fatal(err)
	}
	functions := (&Set{locales: l}).functions(defaultLanguage)
	for _, text := range []string{
		`{{t "no.such"}}`, `{{if true}}{{t "no.such"}}{{end}}`, `{{range .}}{{else}}{{t "no.such" "A" 1}}{{end}}`,
		`{{with .}}{{t "no.such"}}{{end}}`, `{{t "code.left" "Count" (t "no.such")}}`, `{{if t "no.such"}}{{end}}`,
		`{{define "x"}}{{t "no.such"}}{{end}}`, `{{template "y" (t "no.such")}}`,
	} {
		page := template.Must(template.New("p").Funcs(functions).Parse(text))
		if err := l.checkTemplate(page); err == nil || !strings.Contains(err.Error(), "no.such") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
