// Package transfer imports authenticators from other systems, and exports them, as CSV or JSON
// lines. The admin API calls [Read], [Importer] and [Exporter]; the commands `import` and
// `export` read its [Message]s.
//
// A file is read and validated as a whole before the first user is written. Each user is
// written in one transaction. If the server stops midway, some users are imported; importing
// the same file again imports the others and does not change those.
//
// # The fields
//
// The first line of CSV names the columns, in any order. A line of JSON is an object with
// the same names, and no others. CSV is separated by commas, semicolons or tabs, whichever
// the first line has, and quoted as in RFC 4180. The text is UTF-8, with or without a byte
// order mark.
//
//	user           the portal's id of the user, as whoami says it; the only one that is
//	               always required, with secret or uri
//	secret         the shared key in base32 (RFC 4648; padding, blanks, dashes and small
//	               letters are fine), or as encoding says
//	encoding       base32 (default) or hex
//	algorithm      SHA1 (default), SHA256 or SHA512
//	digits         6 (default), 7 or 8
//	period         seconds, 15 to 120 (default 30)
//	uri            an otpauth://totp/ link instead of these five; its label is ignored
//	backup_codes   backup codes of Secondgate's shape, 16 symbols each, separated by ; or ,
//	               or line ends; in JSON a list
//	backup_realm, backup_scheme, backup_salt, backup_hashes, backup_total
//	               hashes of backup codes, which an export has because the codes are not
//	               stored; valid for the same user of the same realm only
//
// An empty field, or null, counts as absent.
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
	// MaxUsers is the maximum number of users.
	MaxUsers = 1_000_000
	// maxLine bounds a line, and a CSV record of several lines, in bytes.
	maxLine = 64 << 10
	// maxProblems bounds the problems that are kept, and the warnings. Further ones are only
	// counted.
	maxProblems = 1000
)

// CheckFormat returns an error for a value that is none of these formats.
func CheckFormat(format string) error {
	if format != CSV && format != JSONL {
		return fmt.Errorf("format %q is unknown; want csv or jsonl", format)
	}
	return nil
}

// Problem is an error or a warning about one line. It contains no secret.
type Problem struct {
	Line int `json:"line,omitempty"`
	// User is the id in the line, if it could be read.
	User  string `json:"user,omitempty"`
	Field string `json:"field,omitempty"`
	Text  string `json:"text"`
	// Warning says that the file can be imported in spite of it.
	Warning bool `json:"warning,omitempty"`
}

// File is the result of Read.
type File struct {
	Items []Item
	// Lines is the number of users, Refused that of errors, Warned that of warnings.
	Lines, Refused, Warned int
	// Problems are the first of them, in the order of the file.
	Problems []Problem
}

// Item is one user of a file.
type Item struct {
	Line int
	factor.Import
	// spent is the number of left-out backup codes that the last warning named.
	spent int
}

func (f *File) refuse(p Problem) {
	f.Refused++
	if f.Refused <= maxProblems {
		f.Problems = append(f.Problems, p)
	}
}

// warnSpent warns that n of a user's backup codes are left out. Check and Run both call it;
// it warns again only if n has changed.
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
		"%d of %d are left out: they were used before, or may have been used before the store was restored; the customer can generate new ones on the settings page", n, of)})
}

func (f *File) warn(p Problem) {
	p.Warning = true
	f.Warned++
	if f.Warned <= maxProblems {
		f.Problems = append(f.Problems, p)
	}
}
