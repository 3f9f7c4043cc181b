package notice_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/notice"
	"github.com/secondgate/secondgate/internal/store"
)

var at = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)

func event(kind, user string) store.Event {
	return store.Event{At: at, Kind: kind, Realm: "shop", User: user, Address: "192.0.2.7", Agent: "Browser/1"}
}

func find(key store.UserKey) (store.User, error) {
	switch key.ID {
	case "alice":
		return store.User{Key: key, Email: "alice@example.org", Language: "fi"}, nil
	case "nomail":
		return store.User{Key: key}, nil
	case "corrupt":
		return store.User{}, store.ErrCorrupt
	case "closed":
		return store.User{}, store.ErrClosed
	}
	return store.User{}, store.ErrNotFound
}

func TestAUserIsToldOfWhatMatters(t *testing.T) {
	mails, err := notice.Mails([]store.Event{
		event(store.EventEnrolled, "alice"),
		event(store.EventPassed, "alice"), event(store.EventFailed, "alice"), event(store.EventImported, "alice"),
		event(store.EventLocked, "alice"), event(store.EventDisabled, "nomail"), event(store.EventDisabled, "nobody"),
		event(store.EventUnknownAnswer, ""),
	}, find)
	if err != nil || len(mails) != 2 {
		t.Fatalf("%d mails, %v: %+v", len(mails), err, mails)
	}
	m := mails[0]
	if m.Kind != store.EventEnrolled || m.To != "alice@example.org" || m.Language != "fi" || m.Address != "192.0.2.7" ||
		!m.Due.Equal(at) || !m.Ends.Equal(at.Add(notice.Keep)) || len(m.ID) != 32 || m.ID == mails[1].ID {
		t.Errorf("the mail is %+v", m)
	}
	if mails[1].Kind != notice.WrongCodes || mails[1].Quiet != time.Hour {
		t.Errorf("the mail about wrong codes is %+v", mails[1])
	}
}

// TestStaffStaysUnknown: a notice of a staff action has neither the staff member's address nor
// their note.
func TestStaffStaysUnknown(t *testing.T) {
	e := event(store.EventStaffReset, "alice")
	e.Staff, e.Reason = "sinikka", "lost the phone"
	mails, err := notice.Mails([]store.Event{e}, find)
	if err != nil || len(mails) != 1 || mails[0].Address != "" || mails[0].Agent != "" {
		t.Errorf("%v: %+v", err, mails)
	}
	e.Kind = store.EventRecoveryUsed // by the user, or by an attacker with the stolen code
	mails, err = notice.Mails([]store.Event{e}, find)
	if err != nil || len(mails) != 1 || mails[0].Address != "192.0.2.7" {
		t.Errorf("%v: %+v", err, mails)
	}
}

func TestAStoreThatFailsLosesNoMail(t *testing.T) {
	_, err := notice.Mails([]store.Event{event(store.EventDisabled, "closed")}, find)
	if !errors.Is(err, store.ErrClosed) {
		t.Errorf("got %v", err)
	}
	mails, err := notice.Mails([]store.Event{event(store.EventDisabled, "corrupt"), event(store.EventDisabled, "alice")}, find)
	if err != nil || len(mails) != 1 {
		t.Errorf("one damaged record held up the others: %d mails, %v", len(mails), err)
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"alice@example.org": "alice@example.org", " alice@example.org\n": "alice@example.org", "a+b.c@xn--p1ai": "a+b.c@xn--p1ai",
		"":      "",
		"alice": "", "@example.org": "", "alice@": "", "a@b@c": "", "a b@example.org": "",
		"Alice <alice@example.org>": "", "<alice@example.org>": "", "alice@example.org, bob@example.org": "",
		"alice@example.org\r\nBcc: bob@example.org": "", "alice@example.org\x00": "", `"a b"@example.org`: "",
		"alice@example.org (x)": "", "alice@[192.0.2.1]": "", "al\u202eice@example.org": "", "аlice@example.org": "", "a\u00a0b@example.org": "",
		strings.Repeat("a", 250) + "@example.org": "",
	} {
		if got, ok := notice.Address(in); got != want || ok != (want != "") {
			t.Errorf("Address(%q) = %q, %v", in, got, ok)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"alice@example.org", "Alice <a@b.c>", "a@b\r\nBcc: c@d", "ä@ö.fi"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := notice.Address(s)
		if ok && (strings.ContainsAny(got, "\r\n\t \x00<>,\"") || strings.Count(got, "@") != 1 || len(got) > 254) {
			t.Errorf("Address(%q) = %q", s, got)
		}
	})
}
