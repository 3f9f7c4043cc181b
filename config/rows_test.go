package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/directive"
)

// TestRowsAreTheSettings: every setting has a row, and a row's name is the JSON name.
func TestRowsAreTheSettings(t *testing.T) {
	for name, block := range map[string]struct {
		rows directive.Rows
		of   any
		// elsewhere lists fields with a row in another block, and fields that are arguments of the
		// line.
		elsewhere string
	}{
		"two_factor": {SiteRows, Site{}, "Without"}, "whoami": {whoamiRows, Whoami{}, "URI Normalize"}, "sign_in": {signInRows, SignIn{}, "Paths"},
		"totp": {totpRows, TOTP{}, ""}, "throttle": {throttleRows, Throttle{}, ""}, "brand": {brandRows, Brand{}, ""},
	} {
		fields := reflect.TypeOf(block.of)
		for i := range fields.NumField() {
			field := fields.Field(i)
			if strings.Contains(block.elsewhere, field.Name) {
				continue
			}
			json, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if row, ok := block.rows.Find(json); !ok || row.Field != field.Name {
				t.Errorf("%s: no row %s for %s", name, json, field.Name)
			}
		}
	}
}
