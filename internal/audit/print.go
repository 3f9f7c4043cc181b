package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// PrintLines writes entries as JSON lines.
func PrintLines(w io.Writer, lines []Line) error {
	out := json.NewEncoder(w)
	for _, l := range lines {
		if err := out.Encode(l); err != nil {
			return err
		}
	}
	return nil
}

// PrintTable writes entries as a table for people, one on each line.
func PrintTable(w io.Writer, lines []Line) error {
	if len(lines) == 0 {
		_, err := fmt.Fprintln(w, "No events.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TIME (UTC)\tEVENT\tREALM\tUSER\tFACTOR\tADDRESS\tMORE") //nolint:errcheck // Flush reports it
	for _, l := range lines {
		e, err := store.UnmarshalEvent(l.Event)
		if err != nil {
			return fmt.Errorf("entry %d: %w", l.Seq, err)
		}
		row := []string{e.At.UTC().Format(time.DateTime), e.Kind, e.Realm, e.User, e.Factor, e.Address, more(&e)}
		for i := range row {
			row[i] = harmless(row[i])
		}
		fmt.Fprintln(table, strings.Join(row, "\t")) //nolint:errcheck // Flush reports it
	}
	return table.Flush()
}

// more returns the fields of an event that have no column of their own.
func more(e *store.Event) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(e.Detail)) {
		words = append(words, name+"="+e.Detail[name])
	}
	if e.Staff != "" {
		words = append(words, "staff="+e.Staff)
	}
	if e.Reason != "" {
		words = append(words, strconv.Quote(e.Reason))
	}
	return strings.Join(words, " ")
}

// harmless quotes text that could break the table or control the terminal.
func harmless(cell string) string {
	if cell == "" {
		return "-"
	}
	if strings.ContainsFunc(cell, func(c rune) bool { return !strconv.IsPrint(c) }) {
		return strconv.Quote(cell)
	}
	return cell
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) error {
	var b strings.Builder
	switch {
	case !r.OK():
		fmt.Fprintf(&b, "BROKEN: %s.\n", r.Broken)
	case r.Entries == 0:
		fmt.Fprintln(&b, "The audit log is valid: it has no entries.")
	default:
		fmt.Fprintf(&b, "The audit log is valid: %d entries, from %d to %d.\n", r.Entries, r.First, r.Last)
	}
	if r.Entries > 0 {
		fmt.Fprintf(&b, "Oldest: %s\n", r.Oldest.UTC().Format(time.DateTime))
	}
	if r.Base != nil {
		fmt.Fprintf(&b, "Begins after: %s (earlier entries were removed)\n", r.Base)
	}
	if r.Head != nil && r.OK() {
		fmt.Fprintf(&b, "Head: %s\n", r.Head)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
