package factor

import (
	"bytes"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
)

var sixDigits = &store.TOTP{Digits: 6}

func TestParseEntry(t *testing.T) {
	for _, test := range []struct {
		name, kind, field string
		want              string // kind and digits or shown backup code; empty: malformed
	}{
		{"digits", "", "123456", "totp 123456"},
		{"leading zeros", "", "000001", "totp 000001"},
		{"grouped", "", "123 456", "totp 123456"},
		{"dashes and blanks around", "", " -123-\t456- ", "totp 123456"},
		{"of the kind asked for", KindTOTP, "123456", "totp 123456"},
		{"digits where a backup code is asked for", KindBackup, "123456", ""},
		{"too short", "", "12345", ""},
		{"too long", "", "1234567", ""},
		{"empty", "", "", ""},
		{"gaps only", "", " - - ", ""},
		{"Arabic digits", "", "١٢٣٤٥٦", ""},
		{"full-width digits", "", "１２３４５６", ""},
		{"mathematical digits", "", "𝟏𝟐𝟑𝟒𝟓𝟔", ""},
		{"superscript", "", "12345²", ""},
		{"no-break space", "", "123\u00a0456", ""},
		{"en dash", "", "123–456", ""},
		{"zero-width space", "", "123\u200b456", ""},
		{"line feed", "", "123456\n", ""},
		{"NUL", "", "123456\x00", ""},
		{"plus", "", "+12345", ""},
		{"hexadecimal", "", "0x1234", ""},
		{"exponent", "", "1234e5", ""},
		{"point", "", "1234.5", ""},
		{"array", "", "[123456]", ""},
		{"10 kB of digits", "", strings.Repeat("1", 10<<10), ""},
		{"10 kB of blanks before", "", strings.Repeat(" ", 10<<10) + "123456", ""},
		{"backup code", "", "7KQ2-M9XD-0ABC-VWYZ", "backup 7KQ2-M9XD-0ABC-VWYZ"},
		{"without groups", "", "7KQ2M9XD0ABCVWYZ", "backup 7KQ2-M9XD-0ABC-VWYZ"},
		{"lower case, blanks", KindBackup, " 7kq2 m9xd 0abc vwyz", "backup 7KQ2-M9XD-0ABC-VWYZ"},
		{"misread letters", "", "oOiI-lL01-0000-0000", "backup 0011-1101-0000-0000"},
		{"all digits", "", "1111222233334444", "backup 1111-2222-3333-4444"},
		{"backup code where digits are asked for", KindTOTP, "7KQ2-M9XD-0ABC-VWYZ", ""},
		{"a U", "", "UKQ2-M9XD-0ABC-VWYZ", ""},
		{"a letter short", "", "7KQ2-M9XD-0ABC-VWY", ""},
		{"a line feed for a letter", "", "7KQ2-M9XD-0ABC-VWY\n", ""},
		{"a letter long", "", "7KQ2-M9XD-0ABC-VWYZ7", ""},
		{"Cyrillic letter", "", "7KQ2-M9XD-0AВC-VWYZ", ""},
		{"other kind", "sms", "123456", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseEntry(test.kind, test.field, sixDigits)
			if test.want == "" {
				wantError(t, "shape", err, ErrMalformed)
				return
			}
			if text := shown(got); err != nil || text != test.want {
				t.Errorf("%q, %v, want %q", text, err, test.want)
			}
		})
	}
}

func shown(e entry) string {
	if e.kind == KindBackup {
		return e.kind + " " + formatBackup(e.backup)
	}
	return e.kind + " " + e.digits
}

// FuzzCode (threats.md, E): a code is exactly as many ASCII digits as its factor has, or
// a backup code, with nothing but blanks and dashes between; all else is malformed.
func FuzzCode(f *testing.F) {
	for _, seed := range []string{
		"123456", "123 456", "12-34-56", "1234567", "1234-5678", "+123456", "0x1234", "1e5", "12345\n", "123456,", "code[]=123456", "", " ", "-", "١٢٣٤٥٦", "１２３４５６", "123456\x00", "12345²",
		strings.Repeat("1", 10<<10), strings.Repeat("- ", 5<<10), "7KQ2-M9XD-0ABC-VWYZ", "oOiIlL0100000000", "\xff\xfe123456",
	} {
		f.Add("", seed, uint8(0))
		f.Add(KindTOTP, seed, uint8(2))
		f.Add(KindBackup, seed, uint8(0))
	}
	f.Fuzz(func(t *testing.T, kind, field string, more uint8) {
		factor := &store.TOTP{Digits: 6 + int(more%3)}
		got, err := parseEntry(kind, field, factor)
		if err != nil {
			if err != ErrMalformed || got.kind != "" {
				t.Fatalf("%+v, %v", got, err)
			}
			return
		}
		if len(field) > maxField || strings.Trim(field, " \t-0123456789ABCDEFGHIJKLMNOPQRSTVWXYZabcdefghijklmnopqrstvwxyz") != "" {
			t.Fatalf("%q was accepted", field)
		}
		if kind != "" && kind != got.kind {
			t.Fatalf("%q was read as %s, not %s", field, got.kind, kind)
		}
		switch got.kind {
		case KindTOTP:
			if stripped := strings.NewReplacer(" ", "", "\t", "", "-", "").Replace(field); stripped != got.digits || len(stripped) != factor.Digits || strings.Trim(stripped, "0123456789") != "" {
				t.Fatalf("%q was read as %q", field, got.digits)
			}
		case KindBackup:
			again, err := parseEntry(kind, formatBackup(got.backup), factor)
			if err != nil || len(got.backup) != backupBytes || !bytes.Equal(again.backup, got.backup) {
				t.Fatalf("%q was read as %x, which is read as %x, %v", field, got.backup, again.backup, err)
			}
		default:
			t.Fatalf("kind %q", got.kind)
		}
	})
}
