// Package transfer imports authenticators from other systems and exports them, as CSV or as JSON
// lines.
//
// A file is read and validated whole before the first of its users is written. Each user is
// written whole, in one transaction, or not at all. A server
// that dies in between has imported some of the users; the same file, given again,
// imports the others and leaves those alone.
//
// # The fields
//
// The first line of CSV names its columns, in any order; a line of JSON is an object
// with the same names, and no others. Parted by commas, semicolons or tabs, whichever
// the first line has; quotes as in RFC 4180; UTF-8, with or without its mark.
//
//	user           the portal's id of the user, as whoami says it; the only one that is
//	               always wanted, with secret or uri
//	secret         the shared key in base32 (RFC 4648; padding, blanks, dashes and small
//	               letters are fine), or as encoding says
//	encoding       base32 (default) or hex
//	algorithm      SHA1 (default), SHA256 or SHA512
//	digits         6 (default), 7 or 8
//	period         seconds, 15 to 120 (default 30)
//	uri            an otpauth://totp/ link in the place of these five; its label is ignored
//	backup_codes   codes of our shape, 16 symbols each, parted by ; or , or line ends; in
//	               JSON a list
//	backup_realm, backup_scheme, backup_salt, backup_hashes, backup_total
//	               what an export has in the place of backup codes, which are nowhere kept
//	               in the clear; good for the same user of the same realm only
//
// What is empty, or null, is taken for absent.
package transfer

import (
	"fmt"

	"github.com/secondgate/secondgate/internal/factor"
)

// The formats.
const (
	CSV   = "csv"
	JSONL = "jsonl"
)

// Bounds of a file. A million users take up to half a gigabyte of memory while they are read.
const (
	// MaxFile is in bytes.
	MaxFile = 512 << 20
	// MaxUsers is how many one file may have.
	MaxUsers = 1_000_000
	// maxLine bounds one line in bytes, and one record of CSV with fields over several lines.
	maxLine = 64 << 10
	// maxProblems bounds the problems that are kept, and the warnings; all are counted.
	maxProblems = 1000
)

// CheckFormat refuses a format that is none.
func CheckFormat(format string) error {
	if format != CSV && format != JSONL {
		return fmt.Errorf("format %q is unknown; want csv or jsonl", format)
	}
	return nil
}

// Problem is what is wrong with one line, or odd about it. It tells no secret.
type Problem struct {
	Line int `json:"line,omitempty"`
	// User is whom the line is about, as far as that was read.
	User  string `json:"user,omitempty"`
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
	// Warning says that it does not keep the file from being imported.
	Warning bool `json:"warning,omitempty"`
}

// File is what was read.
type File struct {
	Items []Item
	// Lines is how many lines there were, Refused how many have problems, Warned how many
	// warnings there are.
	Lines, Refused, Warned int
	// Problems are the first of them, in the order of the file.
	Problems []Problem
}

// Item is one user of a file.
type Item struct {
	Line int
	factor.Import
	// spent is of how many left-out backup codes a warning was given.
	spent int
}

func (f *File) refuse(p Problem) {
	f.Refused++
	if f.Refused <= maxProblems {
		f.Problems = append(f.Problems, p)
	}
}

// warnSpent warns of backup codes that are left out, once for each number of them.
func (f *File) warnSpent(i *Item, n int) {
	if n == 0 || n == i.spent {
		return
	}
	i.spent = n
	field, of := fieldCodes, len(i.Codes)
	if i.Kept != nil {
		field, of = fieldBackupHashes, len(i.Kept.Hashes)
	}
	f.warn(Problem{Line: i.Line, User: i.User, Field: field, Text: fmt.Sprintf(
		"%d of %d are left out: they were used before, or may have been used before the store was restored; the customer makes new ones on the settings page", n, of)})
}

func (f *File) warn(p Problem) {
	p.Warning = true
	f.Warned++
	if f.Warned <= maxProblems {
		f.Problems = append(f.Problems, p)
	}
}
