package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

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
