package staff

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a reason and of a staff member's name, in characters.
const (
	MinReason = 3
	MaxReason = 500
	MaxStaff  = 200
)

// check trims the reason and the name, and returns ErrInput if one of them is not valid or
// the user's id is missing.
func (a *Act) check() error {
	a.Reason, a.Staff = strings.TrimSpace(a.Reason), strings.TrimSpace(a.Staff)
	switch n := utf8.RuneCountInString(a.Reason); {
	case n == 0:
		return refuse(ErrInput, "a reason is missing: say in a few words why this is done; it is recorded in the audit log")
	case n < MinReason:
		return refuse(ErrInput, "the reason %q is too short; want %d to %d characters", a.Reason, MinReason, MaxReason)
	case n > MaxReason:
		return refuse(ErrInput, "the reason has %d characters; want %d to %d", n, MinReason, MaxReason)
	case !OneLine(a.Reason):
		return refuse(ErrInput, "the reason has line ends or other control characters; want one line of text")
	}
	if err := CheckName(a.Staff); err != nil {
		return err
	}
	if a.User == "" {
		return refuse(ErrInput, "the id of the user is missing")
	}
	return nil
}

// CheckName returns ErrInput if a staff member's name can't be written to the audit log.
func CheckName(staff string) error {
	switch n := utf8.RuneCountInString(staff); {
	case n == 0:
		return refuse(ErrInput, "the name of the person who acts is missing; it is recorded in the audit log")
	case n > MaxStaff:
		return refuse(ErrInput, "the name of the person who acts has %d characters; want at most %d", n, MaxStaff)
	case !OneLine(staff):
		return refuse(ErrInput, "the name of the person who acts has control characters; want one line of text")
	}
	return nil
}

// OneLine reports whether a text is valid UTF-8 without control characters, line ends and
// changes of direction. Such characters could make a line of the audit log look like
// another.
func OneLine(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		turns := r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		return turns || unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp)
	})
}
