package notice

import (
	"testing"

	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/templates"
)

// TestEveryNoticeHasItsLetter: a mail of a kind without a letter would be given up.
func TestEveryNoticeHasItsLetter(t *testing.T) {
	for event, mail := range told {
		if !templates.HasLetter(mail.kind) {
			t.Errorf("%s: there is no letter %q", event, mail.kind)
		}
	}
	if !templates.HasLetter(store.MailEnrolCode) {
		t.Error("there is no letter with the code before a set-up")
	}
}
