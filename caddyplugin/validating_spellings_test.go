package caddyplugin

import "testing"

// TestOnlyValidates_Spellings: a flag's truth may be spelt in several ways.
func TestOnlyValidates_Spellings(t *testing.T) {
	for _, flag := range []string{"--validate", "--validate=true", "--validate=1", "--validate=T", "--validate=TRUE"} {
		if !onlyValidates([]string{"adapt", "--config", "Caddyfile", flag}) {
			t.Errorf("adapt %s opens the store", flag)
		}
	}
}
