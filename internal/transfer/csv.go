package transfer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// csvRows reads CSV. It collects lines until the number of quotes is even, and parses them
// as one record with encoding/csv. A quote that is never closed is thus a problem of one
// line, and the rest of the file is not read as a part of it.
type csvRows struct {
	lines   *lines
	comma   rune
	columns []string
}

func newCSV(l *lines) (*csvRows, error) {
	c := &csvRows{lines: l}
	for {
		_, text, err := c.record()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errEmpty
		case err != nil:
			return nil, err
		case strings.TrimSpace(text) != "":
			return c, c.header(text)
		}
	}
}

// header reads the first line, which names the columns.
func (c *csvRows) header(text string) error {
	c.comma = ','
	for _, comma := range ";\t" {
		if !strings.ContainsRune(text, ',') && strings.ContainsRune(text, comma) {
			c.comma = comma
		}
	}
	names, err := c.split(text)
	if err != nil {
		return fmt.Errorf("the first line, which names the columns, can't be read: %w", err)
	}
	for _, name := range names {
		name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_")
		switch {
		case !slices.Contains(known, name):
			return fmt.Errorf("the column %.40q is unknown; the first line names the columns, and they are %s", name, strings.Join(known, ", "))
		case slices.Contains(c.columns, name):
			return fmt.Errorf("there are two columns %q; want one", name)
		}
		c.columns = append(c.columns, name)
	}
	if !slices.Contains(c.columns, fieldUser) {
		return fmt.Errorf("there is no column %q, only %s", fieldUser, strings.Join(c.columns, ", "))
	}
	if !slices.Contains(c.columns, fieldSecret) && !slices.Contains(c.columns, fieldURI) {
		return fmt.Errorf("there is neither a column %q nor %q, only %s", fieldSecret, fieldURI, strings.Join(c.columns, ", "))
	}
	return nil
}

// next implements rows. It skips empty lines.
func (c *csvRows) next() (row, *Problem, error) {
	for {
		line, text, err := c.record()
		if ofLine(err) {
			return row{}, &Problem{Line: line, Text: err.Error()}, nil
		}
		if err != nil {
			return row{}, nil, err
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		return c.row(line, text)
	}
}

func (c *csvRows) row(line int, text string) (row, *Problem, error) {
	values, err := c.split(text)
	if err != nil {
		return row{}, &Problem{Line: line, Text: err.Error()}, nil
	}
	if len(values) != len(c.columns) {
		return row{}, &Problem{Line: line, Text: fmt.Sprintf("%d fields, but the first line names %d columns", len(values), len(c.columns))}, nil
	}
	out := row{line: line, fields: make(map[string]string, len(values))}
	for i, name := range c.columns {
		if v := strings.TrimSpace(values[i]); v != "" {
			out.fields[name] = values[i]
		}
	}
	return out, nil, nil
}

// record returns the text of the next record and the number of its first line.
func (c *csvRows) record() (line int, text string, err error) {
	var whole strings.Builder
	for {
		next, err := c.lines.next()
		if line == 0 {
			line = c.lines.number
		}
		open := whole.Len() > 0
		switch {
		case open && (errors.Is(err, io.EOF) || ofLine(err)):
			return line, "", fmt.Errorf("a quote is opened in line %d and not closed", line)
		case err != nil:
			return line, "", err
		case open && whole.Len()+len(next) > maxLine:
			return line, "", fmt.Errorf("a quote is opened in line %d and not closed within %d bytes", line, maxLine)
		}
		whole.Write(next)
		if strings.Count(whole.String(), `"`)%2 == 0 {
			return line, whole.String(), nil
		}
		whole.WriteByte('\n')
	}
}

// split parses one record into fields. Its errors name the position and show no content,
// which may be a secret.
func (c *csvRows) split(text string) ([]string, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comma, r.FieldsPerRecord = c.comma, -1
	values, err := r.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return nil, fmt.Errorf("at character %d: %w", parse.Column, parse.Err)
	}
	return values, err
}
