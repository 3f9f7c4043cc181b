package factor

import (
	"bytes"
	"encoding/base32"
	"regexp"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/internal/store"
)

// What a customer types into a code field:
//
//	field  = *gap symbol *( *gap symbol ) *gap     at most 64 bytes
//	gap    = " " / TAB / "-"
//	symbol = an ASCII digit, in a code of an authenticator
//	       / an ASCII letter or digit, in a backup code
//
// A code of an authenticator has exactly as many digits as its factor. A backup code
// has 16 symbols of base32 in Crockford's alphabet: either case, O read as 0, I and L
// as 1, no U. Nothing else is tolerated: no digits of other scripts, no other blanks.

// maxField bounds the length of a code field, in bytes. The longest code, written in groups, is far
// shorter.
const maxField = 64

const (
	// backupBytes is the length of a backup code: 80 bits (ASVS 6.5.4 requires 20).
	backupBytes = 10
	// backupGroup is the number of symbols in one group of the displayed code.
	backupGroup = 4
)

// crockford is Crockford's base32 alphabet: it lacks the letters that may be misread as digits, and
// U.
var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

var misread = strings.NewReplacer("O", "0", "I", "1", "L", "1")

// entry is a code field that has the shape of a code.
type entry struct {
	kind   string
	digits string // of an authenticator
	backup []byte // of a backup code
}

// parseEntry reads a code field as a code of that kind. If kind is empty, the shape of the code
// decides. A field that has the shape of no code returns ErrMalformed.
func parseEntry(kind, field string, t *store.TOTP) (entry, error) {
	symbols, ok := withoutGaps(field)
	if !ok {
		return entry{}, ErrMalformed
	}
	if (kind == "" || kind == KindTOTP) && len(symbols) == t.Digits && allDigits(symbols) {
		return entry{kind: KindTOTP, digits: symbols}, nil
	}
	if code, ok := parseBackup(symbols); ok && (kind == "" || kind == KindBackup) {
		return entry{kind: KindBackup, backup: code}, nil
	}
	return entry{}, ErrMalformed
}

var (
	gaps        = strings.NewReplacer(" ", "", "\t", "", "-", "")
	symbolsOnly = regexp.MustCompile(`^[0-9A-Za-z]*$`)
)

// withoutGaps removes blanks, tabs and dashes. ok is false if the field is too long or has another
// character that is no ASCII letter or digit.
func withoutGaps(field string) (symbols string, ok bool) {
	if len(field) > maxField {
		return "", false
	}
	symbols = gaps.Replace(field)
	return symbols, symbolsOnly.MatchString(symbols)
}

func allDigits(symbols string) bool {
	return strings.Trim(symbols, "0123456789") == ""
}

// ParseBackup parses a backup code in any form that a customer may type. It is used for the codes
// of an import.
func ParseBackup(field string) (code []byte, ok bool) {
	symbols, ok := withoutGaps(field)
	if !ok {
		return nil, false
	}
	return parseBackup(symbols)
}

func parseBackup(symbols string) ([]byte, bool) {
	if len(symbols) != crockford.EncodedLen(backupBytes) {
		return nil, false
	}
	code, err := crockford.DecodeString(misread.Replace(strings.ToUpper(symbols)))
	return code, err == nil
}

// formatBackup returns the displayed form of a backup code: XXXX-XXXX-XXXX-XXXX.
func formatBackup(code []byte) string {
	groups := slices.Collect(slices.Chunk([]byte(crockford.EncodeToString(code)), backupGroup))
	return string(bytes.Join(groups, []byte("-")))
}
