package check

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Status is how a line came out.
type Status string

// The three of them.
const (
	OK       Status = "ok"
	Failed   Status = "FAILED"
	NotTried Status = "not tried"
)

// The lines, in the order in which they are played.
const (
	rowUpstreams = "one upstream for each visit"
	rowPaths     = "cookies reach whoami"
	rowCommit    = "sign-in committed in time"
	rowStranger  = "stranger is anonymous"
	rowSignIn    = "sign-in seen"
	rowAnswer    = "answer right"
	rowEnrol     = "enrolment"
	rowSignOut   = "sign-out ends it"
	rowAfter     = "anonymous after sign-out"
	rowChallenge = "code before anything"
	rowWrong     = "wrong code refused"
	rowRight     = "right code opens"
	rowUnknown   = "unknown closed"
	rowSealed    = "session sealed"
	rowDropped   = "cookies of scripts"
	rowAliases   = "aliases one user"
	rowSecond    = "second customer"
	rowClearance = "clearance is one user's"
	rowBody      = "session id in a body"
	rowLeft      = "connection dropped at the sign-in"
	rowBound     = "session bound to headers"
)

// Row is one line of the table.
type Row struct {
	Name   string `json:"check"`
	Status Status `json:"status"`
	Saw    string `json:"saw"`
	Do     string `json:"do,omitempty"` // what to change, for a line that failed
}

// Report is the table.
type Report struct {
	Rows []Row `json:"checks"`
}

// Failed says whether any line did.
func (r Report) Failed() bool {
	return slices.ContainsFunc(r.Rows, func(x Row) bool { return x.Status == Failed })
}

func (r Report) has(name string) bool {
	return slices.ContainsFunc(r.Rows, func(x Row) bool { return x.Name == name })
}

func (r *Report) ok(name, format string, args ...any) {
	r.Rows = append(r.Rows, Row{Name: name, Status: OK, Saw: fmt.Sprintf(format, args...)})
}

// fail adds a line that failed: what was seen, and what to change.
func (r *Report) fail(name, saw, do string) {
	r.Rows = append(r.Rows, Row{Name: name, Status: Failed, Saw: saw, Do: do})
}

func (r *Report) skip(name, why string) {
	r.Rows = append(r.Rows, Row{Name: name, Status: NotTried, Saw: why})
}

// WriteTable writes the table for people.
func (r Report) WriteTable(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, x := range r.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\n", x.Status, x.Name, printable(x.Saw))
		if x.Do != "" {
			fmt.Fprintf(w, "\t\t→ %s\n", printable(x.Do))
		}
	}
	return w.Flush()
}

// WriteJSON writes the table for programs.
func (r Report) WriteJSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// printable keeps what a portal said from moving the terminal's cursor.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c >= 0x80 && c < 0xa0 {
			return ' '
		}
		return c
	}, s)
}
