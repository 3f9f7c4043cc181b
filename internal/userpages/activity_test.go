package userpages

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/store"
)

// settled writes events to the audit log, after those that the world has recorded itself.
func (w *world) settled(events ...store.Event) {
	w.t.Helper()
	for _, e := range events {
		if e.Realm == "" {
			e.Realm = "default"
		}
		if err := w.db.Record(w.t.Context(), e); err != nil {
			w.t.Fatal(err)
		}
	}
	_, err := w.db.Settle(w.t.Context(), 1000, func(last store.Entry, pending [][]byte) (store.Settled, error) {
		entries, err := audit.Chain(last, pending)
		return store.Settled{Entries: entries}, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

var activityItem = regexp.MustCompile(`(?s)<ul class="items log">(.*?)</ul>`)

// activityOn is what a settings page lists, an item each, without markup.
func activityOn(body string) (items []string) {
	for _, list := range activityItem.FindAllStringSubmatch(body, -1) {
		for _, item := range strings.Split(list[1], "<li>")[1:] {
			text := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(item, " ")
			items = append(items, strings.Join(strings.Fields(text), " "))
		}
	}
	return items
}

// TestActivity: users see what happened to their own account, the newest first, when,
// from where and in which browser; before they have a second factor, too.
func TestActivity(t *testing.T) {
	w := newWorld(t, nil)
	w.now = time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	at := func(minutes int) time.Time { return w.now.Add(time.Duration(minutes-60) * time.Minute) }
	mac := "Mozilla/5.0 (Macintosh) Firefox/140.0"
	w.settled(
		store.Event{At: at(1), Kind: store.EventSignIn, User: "1001", Address: "192.0.2.1", Agent: mac},
		store.Event{At: at(2), Kind: store.EventSignIn, User: "1002", Address: "192.0.2.2", Agent: mac},
		store.Event{At: at(3), Kind: store.EventSignIn, User: "1001", Realm: "other", Address: "192.0.2.3", Agent: mac},
		store.Event{At: at(4), Kind: store.EventPassed, Factor: "backup", User: "1001", Address: "192.0.2.4", Agent: mac},
		store.Event{At: at(4), Kind: store.EventBackupUsed, Factor: "backup", User: "1001", Address: "192.0.2.4", Agent: "<script>alert(1)</script>"},
		store.Event{At: at(5), Kind: store.EventStaffReset, User: "1001", Staff: "mallory", Reason: "called us", Address: "10.0.0.5", Agent: mac},
		store.Event{At: at(6), Kind: store.EventSignIn, User: "1001", Detail: map[string]string{"count": "7"}},
		store.Event{At: at(7), Kind: "something later", User: "1001"},
	)
	page := w.browser("1001").get("/two-factor/").want(http.StatusOK)
	want := []string{
		"Password accepted 7 more times 22 November 2026, 05:06 UTC",
		"Support turned off two-factor authentication 22 November 2026, 05:05 UTC",
		"Backup code used 22 November 2026, 05:04 UTC , Unknown browser from 192.0.2.4",
		"Password accepted 22 November 2026, 05:01 UTC , Firefox on Mac from 192.0.2.1",
	}
	if got := activityOn(page.body); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, never := range []string{"mallory", "called us", "10.0.0.5", "alert(1)"} {
		if strings.Contains(page.body, never) {
			t.Errorf("the page has %q", never)
		}
	}
}

// TestActivity_Bounded: the list has an end, however much there is.
func TestActivity_Bounded(t *testing.T) {
	w := newWorld(t, nil)
	b := w.browser("1001")
	b.enrol()
	for i := range 60 {
		w.settled(store.Event{At: w.now.Add(time.Duration(i) * time.Second), Kind: store.EventFailed, User: "1001", Address: fmt.Sprint("192.0.2.", i)})
	}
	items := activityOn(b.get("/two-factor/").body)
	if len(items) != maxActivity || !strings.HasSuffix(items[0], "from 192.0.2.59") || !strings.HasSuffix(items[maxActivity-1], "from 192.0.2.40") {
		t.Errorf("%d items: %q", len(items), items)
	}
}
