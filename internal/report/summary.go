package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/store"
)

// Summary has the numbers of one realm, added up over several days.
type Summary struct {
	Realm string `json:"realm"`
	// From and To are the first and the last date with numbers.
	From string `json:"from"`
	To   string `json:"to"`
	// Counts are the numbers by kind and name; see the kinds of this package.
	Counts map[string]map[string]int64 `json:"counts"`
}

// Summarize adds up days by realm. The days must be in the order of store.Days.
func Summarize(days []store.Day) (all []Summary) {
	for _, d := range days {
		if len(all) == 0 || all[len(all)-1].Realm != d.Realm {
			all = append(all, Summary{Realm: d.Realm, From: d.Date, Counts: make(map[string]map[string]int64)})
		}
		s := &all[len(all)-1]
		s.To = d.Date
		for k, n := range d.Counts {
			if s.Counts[k.Kind] == nil {
				s.Counts[k.Kind] = make(map[string]int64)
			}
			s.Counts[k.Kind][k.Name] += n
		}
	}
	return all
}

// Total returns the sum of the numbers of one kind.
func (s Summary) Total(kind string) (sum int64) {
	for _, n := range s.Counts[kind] {
		sum += n
	}
	return sum
}

// Users returns the number of different users under several kinds. A day has at most maxUsers
// names of a kind; further users are counted together as one (Other).
func (s Summary) Users(kinds ...string) int {
	all := make(map[string]bool)
	for _, kind := range kinds {
		for id := range s.Counts[kind] {
			all[id] = true
		}
	}
	return len(all)
}

// Named is one name and its number.
type Named struct {
	Name string
	N    int64
}

// Ranked returns the names of a kind with their numbers, the largest first.
func (s Summary) Ranked(kind string) (list []Named) {
	for _, name := range slices.Sorted(maps.Keys(s.Counts[kind])) {
		list = append(list, Named{name, s.Counts[kind][name]})
	}
	slices.SortStableFunc(list, func(a, b Named) int { return cmp.Compare(b.N, a.N) })
	return list
}

// Quantile returns the time in milliseconds (one of Bounds) within which that part of the
// questions was answered, or 0 if there were none.
func (s Summary) Quantile(part float64) int {
	need := int64(part*float64(s.Total(Took)) + 0.5)
	for _, b := range Bounds {
		need -= s.Counts[Took][strconv.Itoa(b)]
		if need <= 0 && s.Total(Took) > 0 {
			return b
		}
	}
	return 0
}

// fields returns the numbers that tell logs.
func (s Summary) fields(date string) []zap.Field {
	return []zap.Field{
		zap.String("realm", s.Realm), zap.String("date", date),
		zap.Int64("requests", s.Total(Requests)), zap.Int64("sign_ins", s.Total(SignIns)),
		zap.Int("users", s.Users(UserChallenged, UserEnrolled, UserFree)),
		zap.Int("users_challenged", s.Users(UserChallenged)), zap.Int("users_to_enrol", s.Users(UserEnrolled)),
		zap.Int64("unknown", s.Total(Unknown)), zap.Int64("refused", s.Total(Refused)),
		zap.Int("cookies_dropped", len(s.Counts[CookieDropped])), zap.Int64("questions", s.Total(Took)),
		zap.Int("question_ms_95", s.Quantile(0.95)),
	}
}

// section is a part of the printed report: the kind of numbers that it lists, its title, and
// the advice that is printed if it has any.
type section struct{ kind, title, advice string }

// sections are printed in this order; the first concern the most users.
var sections = []section{
	{Requests, "Requests", ""},
	{SignIns, "Sign-ins, by how they were noticed", "`none seen`: signed in before this was watched, by a remembered sign-in, or by a way that sign_in does not name."},
	{UserChallenged, "Users who would have been (in enforce: were) asked for a code", ""},
	{UserEnrolled, "Users who would have had to set up a second factor", "They meet the set-up page with the first request after the switch: tell them before."},
	{UserFree, "Users who would have passed without a code", ""},
	{Unknown, "Answers of whoami that proved nothing", "Each of these is an error page in enforce. Mend the whoami until there are none."},
	{CookieDropped, "Cookies that would not reach the portal", "Set by scripts, as far as could be seen. What the portal needs of them belongs under `leave`; what it doesn't may go."},
	{CookieOwn, "Cookies of the portal with names of Secondgate's", "They would be lost in enforce. The portal has to use other names."},
	{Refused, "Requests that would have been refused", "Look for those that customers or machines need: `trust`, `guest`, `credential`, or a narrower `deny`."},
	{Changed, "Requests that the portal would have got otherwise", "Headers named here would be stripped unless declared with `credential header` or under `trust`."},
	{Waits, "Requests that would have waited for a question", ""},
	{Unasked, "Nobody was asked", ""},
	{Portal, "The portal itself", ""},
}

// maxRows is the number of rows that are printed of one section.
const maxRows = 20

// Print writes the report for people.
func Print(w io.Writer, all []Summary) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "Nothing was counted in these days.")
		return err
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range all {
		fmt.Fprintf(tw, "Realm %s, %s to %s (UTC)\n", s.Realm, s.From, s.To)
		for _, part := range sections {
			part.print(tw, s)
		}
		if s.Total(Took) > 0 {
			fmt.Fprintf(tw, "\nQuestions to the portal: %d; half of them within %d ms, 95 %% within %d ms\n", s.Total(Took), s.Quantile(0.5), s.Quantile(0.95))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush()
}

func (p section) print(w io.Writer, s Summary) {
	list := s.Ranked(p.kind)
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", p.title)
	for i, n := range list {
		if i == maxRows {
			fmt.Fprintf(w, "  … and %d more (--json shows all)\n", len(list)-maxRows)
			break
		}
		name := n.Name
		if name == "" {
			name = strings.ToLower(p.kind)
		}
		fmt.Fprintf(w, "  %s\t%d\n", name, n.N)
	}
	if p.advice != "" {
		fmt.Fprintf(w, "  → %s\n", p.advice)
	}
}
