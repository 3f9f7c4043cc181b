package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/transfer"
)

// errStopped says that a server died, or was stopped, during an import.
var errStopped = errors.New("the server stopped answering; import the same file again to complete it")

// importProgress prints the progress of an import. On a terminal it rewrites one line;
// otherwise it prints a line after every tenth of the users. open is true while the cursor is
// at the end of the rewritten line.
type importProgress struct {
	w        io.Writer
	terminal bool
	phase    string
	tenth    int
	open     bool
}

func (l *importProgress) show(p *transfer.Progress) {
	text := fmt.Sprintf("%s: %d of %d users", p.Phase, p.Done, p.Of)
	tenth := 10 * p.Done / max(p.Of, 1)
	switch {
	case l.terminal:
		fmt.Fprint(l.w, "\r"+text)
		l.open = true
	case p.Phase != l.phase || tenth > l.tenth:
		fmt.Fprintln(l.w, text)
	}
	l.phase, l.tenth = p.Phase, tenth
}

// end prints the line end after a rewritten line.
func (l *importProgress) end() {
	if l.open {
		fmt.Fprintln(l.w)
		l.open = false
	}
}

// followImport prints the messages of the server, and returns the last one, the summary.
func followImport(body io.Reader, w io.Writer, terminal bool) (*transfer.Summary, error) {
	progress := importProgress{w: w, terminal: terminal}
	defer progress.end()
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var m transfer.Message
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			return nil, fmt.Errorf("the server answered something else than an import's messages: %w", err)
		}
		switch {
		case m.Summary != nil:
			return m.Summary, nil
		case m.Progress != nil:
			progress.show(m.Progress)
		case m.Problem != nil:
			progress.end()
			fmt.Fprintln(w, problemText(m.Problem))
		}
	}
	return nil, errors.Join(errStopped, lines.Err())
}

func problemText(p *transfer.Problem) string {
	var b strings.Builder
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.User != "" {
		fmt.Fprintf(&b, "user %q: ", p.User)
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	return b.String() + p.Text
}

func printSummary(w io.Writer, s *transfer.Summary) error {
	would := ""
	if s.DryRun {
		would = "would be "
	}
	c := s.Counts
	rows := []struct {
		n    int
		text string
	}{
		{s.Lines, "users in the file, for realm " + s.Realm},
		{s.Refused, "with problems"},
		{s.Warnings, "warnings"},
		{c.Unknown, would + "imported, who were not seen before"},
		{c.Known, would + "imported, who were known without a second factor"},
		{c.Replaced, would + "imported in the place of another authenticator"},
		{c.Same, "have this authenticator already"},
		{c.Skipped, "left with another authenticator"},
		{c.Failed, "left with another authenticator, set up meanwhile"},
	}
	for i, r := range rows {
		if r.n == 0 && i > 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "%8d  %s\n", r.n, r.text); err != nil {
			return err
		}
	}
	return nil
}

// failure returns the error that the command ends with, or nil if all users were imported.
func failure(cmd *cobra.Command, s *transfer.Summary) error {
	switch {
	case s.Error != "":
		return fmt.Errorf("the import was interrupted: %s; the users above are imported; import the same file again to complete it", s.Error)
	case s.Counts.Failed > 0:
		return fmt.Errorf("%d users were left as they are; the others are imported", s.Counts.Failed)
	case s.Refused > 0:
		return wrongInput(cmd, fmt.Errorf("%d of %d lines have problems", s.Refused, s.Lines))
	}
	return nil
}
