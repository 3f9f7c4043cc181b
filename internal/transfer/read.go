package transfer

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"
)

// Options say how Read reads a file.
type Options struct {
	Format string
	// Realm is the realm into which the users will be imported.
	Realm string
	// Canonical returns the id in the form that whoami gives it, or what is wrong with it.
	Canonical func(id string) (string, error)
}

// Read reads and checks a whole file. What is wrong with single lines is in File.Problems.
// An error is about the file as a whole, or about reading it, and names the line.
func Read(r io.Reader, o Options) (*File, error) {
	l, err := newLines(r)
	if err != nil {
		return nil, err
	}
	var rows rows = &jsonRows{l}
	if o.Format == CSV {
		if rows, err = newCSV(l); err != nil {
			return nil, atLine(l.number, err)
		}
	}
	reading := reading{
		file: new(File), rows: rows, parser: parser{canonical: o.Canonical, realm: o.Realm},
		users: make(map[string]int32), secrets: make(map[uint64]int32), seed: maphash.MakeSeed(),
	}
	if err := reading.all(); err != nil {
		return nil, atLine(l.number, err)
	}
	if reading.file.Lines == 0 {
		return nil, errEmpty
	}
	return reading.file, nil
}

func atLine(line int, err error) error {
	if errors.Is(err, errEmpty) {
		return err
	}
	return fmt.Errorf("line %d: %w", line, err)
}

// maxShown bounds, in bytes, how much of an invalid user id a problem shows.
const maxShown = 80

// reading is the state of Read.
type reading struct {
	file   *File
	rows   rows
	parser parser
	// users and secrets have the line of each user id and of each secret's hash, to find
	// those that are in the file twice.
	users   map[string]int32
	secrets map[uint64]int32
	seed    maphash.Seed
}

func (r *reading) all() error {
	for {
		next, problem, err := r.rows.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if r.file.Lines++; r.file.Lines > MaxUsers {
			return fmt.Errorf("more than %d users; give them in several files", MaxUsers)
		}
		if problem != nil {
			r.file.refuse(*problem)
			continue
		}
		r.take(next)
	}
}

// take checks one row and adds it to the file's items or problems.
func (r *reading) take(next row) {
	in, odd, bad := r.parser.parse(next.fields)
	user := in.User
	if user == "" { // the id is not valid, so it may have any content and length
		user = strings.ToValidUTF8(next.fields[fieldUser][:min(maxShown, len(next.fields[fieldUser]))], "")
	}
	if bad != nil {
		r.file.refuse(Problem{Line: next.line, User: user, Field: bad.field, Text: bad.text})
		return
	}
	if first, twice := r.users[in.User]; twice {
		r.file.refuse(Problem{Line: next.line, User: user, Field: fieldUser, Text: fmt.Sprintf("is in line %d already", first)})
		return
	}
	r.users[in.User] = int32(next.line)
	for _, o := range odd {
		r.file.warn(Problem{Line: next.line, User: user, Field: o.field, Text: o.text})
	}
	secret := maphash.Bytes(r.seed, in.Secret)
	if first, twice := r.secrets[secret]; twice {
		r.file.warn(Problem{Line: next.line, User: user, Field: fieldSecret, Text: fmt.Sprintf("is that of line %d too: each user should have one of their own", first)})
	} else {
		r.secrets[secret] = int32(next.line)
	}
	r.file.Items = append(r.file.Items, Item{Line: next.line, Import: in})
}
