package whoami

import (
	"fmt"
	"slices"

	"github.com/secondgate/secondgate/config"
)

// Canonical is the id by which a user is known whom these questions name, for ids that
// come from elsewhere than an answer. Several questions normalise one after another:
// they have to agree on every user.
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
