package staff

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what staff write, in characters.
const (
	MinReason = 3
	MaxReason = 500
	MaxStaff  = 200
)

// check reports what of the act's words is not as it has to be, and trims them.
func (a *Act) check() error {
	a.Reason, a.Staff = strings.TrimSpace(a.Reason), strings.TrimSpace(a.Staff)
	switch n := utf8.RuneCountInString(a.Reason); {
	case n == 0:
		return refuse(ErrInput, "a reason is missing: say in a few words why this is done; it goes into the audit log")
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

// CheckName reports whether a name of staff can stand in the audit log: ErrInput if not.
func CheckName(staff string) error {
	switch n := utf8.RuneCountInString(staff); {
	case n == 0:
		return refuse(ErrInput, "the name of who acts is missing; it goes into the audit log")
	case n > MaxStaff:
		return refuse(ErrInput, "the name of who acts has %d characters; want at most %d", n, MaxStaff)
	case !OneLine(staff):
		return refuse(ErrInput, "the name of who acts has control characters; want one line of text")
	}
	return nil
}

// OneLine reports whether a text is valid and has nothing that would make it look like
// other text where it is shown: control characters, line ends, changes of direction.
func OneLine(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		turns := r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		return turns || unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp)
	})
}
