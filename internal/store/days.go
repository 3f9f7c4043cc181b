package store

import (
	"fmt"
	"time"
)

// Day holds the counts of one realm on one day. It holds numbers only, so nothing in it can be
// traced to one person.
type Day struct {
	Realm string
	// Date is the day in UTC, in the form 2026-11-22; see DateOf.
	Date string
	// Counts are above zero.
	Counts map[Count]int64
}

// Count identifies one counter of a day by its kind and a name within the kind.
type Count struct{ Kind, Name string }

// KeepDays is for how many days after a day its counts are kept.
const KeepDays = 92

// DateOf returns the Date of the day in which t lies.
func DateOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Ends returns when the counts of a date are deleted.
func Ends(date string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is no date; want one as 2026-11-22", date)
	}
	return day.AddDate(0, 0, KeepDays+1), nil
}
