package transfer

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/secondgate/secondgate/internal/factor"
)

// fuzz reads anything. What is taken is valid and can be written and read again.
func fuzz(f *testing.F, format string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := read(format, string(text))
		if err != nil {
			return
		}
		if file.Refused+len(file.Items) != file.Lines {
			t.Fatalf("%d lines, %d refused, %d taken", file.Lines, file.Refused, len(file.Items))
		}
		for i := range file.Items {
			checkItem(t, &file.Items[i].Import)
		}
		if len(file.Items) > 0 {
			checkAgain(t, format, file)
		}
	})
}

func checkItem(t *testing.T, in *factor.Import) {
	t.Helper()
	ok := in.User != "" && utf8.ValidString(in.User) && strings.TrimSpace(in.User) == in.User &&
		len(in.Secret) >= minSecret && len(in.Secret) <= maxSecret &&
		in.Digits >= minDigits && in.Digits <= maxDigits && in.Period >= minPeriod && in.Period <= maxPeriod &&
		strings.HasPrefix(in.Algorithm, "SHA") && len(in.Codes) <= maxCodes && (in.Kept == nil || len(in.Codes) == 0)
	if !ok {
		t.Fatalf("taken: %+v", in)
	}
}

// checkAgain writes what was read, and reads that.
func checkAgain(t *testing.T, format string, file *File) {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, format, "shop")
	if err != nil {
		t.Fatal(err)
	}
	for i := range file.Items {
		if err := w.Write(&file.Items[i].Import); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	again, err := read(format, out.String())
	if err != nil || again.Refused != 0 || len(again.Items) != len(file.Items) {
		t.Fatalf("%v, %+v\n%s", err, again, out.String())
	}
	for i := range file.Items {
		a, b := file.Items[i], again.Items[i]
		same := a.User == b.User && bytes.Equal(a.Secret, b.Secret) && a.Algorithm == b.Algorithm && a.Digits == b.Digits && a.Period == b.Period
		if !same {
			t.Fatalf("wrote %+v, read %+v", a, b)
		}
	}
}

func FuzzImportCSV(f *testing.F) {
	fuzz(f, CSV,
		"user,secret\nalice,"+secret20+"\n",
		"\ufeffUser;uri;backup_codes\r\n\"a;b\";otpauth://totp/x?secret="+secret20+";\"0123-4567-89AB-CDEF,\r\n\"\r\n",
		"user,secret,encoding\n\"a\"\"b\",00112233445566778899aabb,hex\n\n\"",
		"user\tsecret\n\xff\t\x00")
}

func FuzzImportJSON(f *testing.F) {
	fuzz(f, JSONL,
		`{"user":"alice","secret":"`+secret20+`"}`,
		`{"user":1001,"uri":"otpauth://totp/x?secret=`+secret20+`&digits=8","backup_codes":["0123-4567-89AB-CDEF"]}`+"\n{}\nnull\n[",
		`{"user":"a","user":"b"}`+"\n"+`{"user":"\u0000","secret":"`+secret20+`"} x`)
}
