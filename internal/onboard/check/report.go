package check

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Status is the result of a check.
type Status string

// The three results.
const (
	OK       Status = "ok"
	Failed   Status = "FAILED"
	NotTried Status = "not tried"
)

// Row is the result of one check.
type Row struct {
	Name   string `json:"check"`
	Status Status `json:"status"`
	Saw    string `json:"saw"`
	Do     string `json:"do,omitempty"` // what to change, for a line that failed
}

// Report is the result of `check`: a row for each check.
type Report struct {
	Rows []Row `json:"checks"`
}

// outcome is what one check returns. run.checks sets the name of its row, unless the outcome
// is about another row. If last is set, the checks that follow depend on this one and are
// not tried.
type outcome struct {
	Row
	last bool
}

func ok(format string, args ...any) outcome {
	return outcome{Row: Row{Status: OK, Saw: fmt.Sprintf(format, args...)}}
}

// failed is the outcome of a check that found a fault: what was seen, and what to change.
func failed(saw, do string) outcome { return outcome{Row: Row{Status: Failed, Saw: saw, Do: do}} }

// broken is the outcome of a check that ended with an error. It counts as failed.
func broken(err error) outcome { return failed(err.Error(), "see the log") }

func skipped(why string) outcome { return outcome{Row: Row{Status: NotTried, Saw: why}} }

// notReached is the outcome of a check that was not tried because an earlier one failed.
func notReached() outcome { return skipped("a line above has to be right first") }

// ending marks an outcome on which the checks that follow depend.
func ending(o outcome) outcome { o.last = true; return o }

// Failed reports whether any check failed.
func (r Report) Failed() bool {
	return slices.ContainsFunc(r.Rows, func(x Row) bool { return x.Status == Failed })
}

// WriteTable writes the rows as a table for people.
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

// WriteJSON writes the rows as JSON for programs.
func (r Report) WriteJSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// printable replaces each control character with a space. The text comes from the portal and must
// not control the terminal.
func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return ' '
		}
		return c
	}, s)
}
