package whoami

import (
	"fmt"
	"slices"

	"github.com/secondgate/secondgate/config"
)

// Canonical returns the canonical form of a user's id that does not come from an answer, for
// example from an import. It applies the normalisations of all questions, because all of them have
// to name the same id.
func Canonical(questions []config.Whoami, id string) (string, error) {
	for _, q := range questions {
		for _, name := range q.Normalize {
			if f := normalisers[name]; f != nil {
				id = f(id)
			}
		}
	}
	if !presentable(id) {
		return "", fmt.Errorf("empty, longer than %d bytes, or with characters that an id can't have", MaxUser)
	}
	for _, q := range questions {
		if q.User != nil && slices.Contains(q.User.Not, id) {
			return "", fmt.Errorf("whoami has this value for visitors who are not signed in (user … not %s)", id)
		}
	}
	return id, nil
}
