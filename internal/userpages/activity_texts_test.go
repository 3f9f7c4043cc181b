package userpages

import (
	"maps"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates"
)

// TestEveryActivityHasItsText: the ids of these messages are composed from the kinds of
// events, so a search for ids in the code does not find them.
func TestEveryActivityHasItsText(t *testing.T) {
	set, err := templates.New(templates.Options{Path: "/two-factor"})
	if err != nil {
		t.Fatal(err)
	}
	kinds := maps.Clone(byStaff)
	maps.Copy(kinds, ofCustomers)
	for kind := range kinds {
		if _, err := set.Sentence("en", activityOf(&store.Event{Kind: kind}).What); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
