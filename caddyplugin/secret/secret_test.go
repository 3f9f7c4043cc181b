package secret

import (
	"strings"
	"testing"
)

// inlineKey is a master key as an operator might write it into a configuration.
const inlineKey = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U="

// TestAttack_J7_InlineKeyInJSON: a literal key in a JSON configuration is refused when the
// configuration is loaded.
func TestAttack_J7_InlineKeyInJSON(t *testing.T) {
	for _, written := range []string{inlineKey, inlineKey[1:], inlineKey + "\n" + inlineKey, "{file./k}" + inlineKey, "{" + inlineKey + "}"} {
		if _, err := Keys(written); err == nil || strings.Contains(err.Error(), inlineKey[1:20]) || !strings.Contains(err.Error(), "{file./path/to/key} or {env.NAME}") {
			t.Errorf("%q: %v", written, err)
		}
	}
}
