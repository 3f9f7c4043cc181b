package transfer

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/factor"
)

// read reads a file for realm shop, which lowercases ids.
func read(format, text string) (*File, error) {
	return Read(strings.NewReader(text), Options{Format: format, Realm: "shop", Canonical: func(id string) (string, error) {
		if strings.ContainsAny(id, "\r\n\x00") {
			return "", errors.New("no id")
		}
		return strings.ToLower(id), nil
	}})
}

const (
	secret20 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // RFC 6238: 12345678901234567890
	secret10 = "GEZDGNBVGY3TQOJQ"
	aCode    = "0123-4567-89AB-CDEF"
	bCode    = "ghjk mnpq rstv wxyz"
)

// TestReadTakes: the accepted forms of a file; each yields the same user.
func TestReadTakes(t *testing.T) {
	want := "{1 alice 3132333435363738393031323334353637383930 SHA1 6 30 codes 0}"
	for name, c := range map[string]struct{ format, text, want string }{
		"least":            {CSV, "user,secret\nalice," + secret20 + "\n", ""},
		"no last line end": {CSV, "user,secret\nalice," + secret20, ""},
		"CRLF and a mark":  {CSV, "\ufeffuser,secret\r\nalice," + secret20 + "\r\n\r\n", ""},
		"other order":      {CSV, "secret,period,user\n" + secret20 + ",,alice\n", ""},
		"semicolons":       {CSV, "user;secret\nalice;" + secret20 + "\n", ""},
		"tabs":             {CSV, "user\tsecret\nalice\t" + secret20 + "\n", ""},
		"quotes":           {CSV, "\"user\",\"secret\"\n\"alice\",\"" + secret20 + "\"\n", ""},
		"capitals":         {CSV, "User,SECRET\nAlice," + secret20 + "\n", ""},
		"grouped":          {CSV, "user,secret\nalice,gezd gnbv gy3t qojq gezd-gnbv-gy3t-qojq====\n", ""},
		"hex":              {CSV, "user,secret,encoding\nalice,31 32 3334353637383930 31323334353637383930,HEX\n", ""},
		"all said":         {CSV, "user,secret,encoding,algorithm,digits,period\nalice," + secret20 + ",base32,hmac-sha1,6,30\n", ""},
		"link":             {CSV, "user,uri\nalice,otpauth://totp/Shop:whoever?secret=" + secret20 + "&issuer=Shop&image=x\n", ""},
		"json":             {JSONL, `{"user":"alice","secret":"` + secret20 + `"}`, ""},
		"json, nulls":      {JSONL, "\ufeff\n" + `{"digits":null,"user":"alice","period":30,"secret":"` + secret20 + `","backup_codes":[]}` + "\r\n", ""},
		"json, strings":    {JSONL, `{"user":"alice","secret":"` + secret20 + `","digits":"6"}`, ""},
		"other codes": {CSV, "user,secret,algorithm,digits,period\nalice," + secret20 + ",sha512,8,60\n",
			"{1 alice 3132333435363738393031323334353637383930 SHA512 8 60 codes 0}"},
		"link with more": {JSONL, `{"user":"alice","uri":"OTPAUTH://totp/x?secret=` + secret20 + `&algorithm=SHA256&digits=7&period=15"}`,
			"{1 alice 3132333435363738393031323334353637383930 SHA256 7 15 codes 0}"},
		"number for a user": {JSONL, `{"user":1001,"secret":"` + secret20 + `"}`,
			"{1 1001 3132333435363738393031323334353637383930 SHA1 6 30 codes 0}"},
		"backup codes": {CSV, "user,secret,backup_codes\nalice," + secret20 + ",\"" + aCode + " ; " + bCode + "\n;\"\n",
			"{1 alice 3132333435363738393031323334353637383930 SHA1 6 30 codes 2}"},
		"backup codes as a list": {JSONL, `{"user":"alice","secret":"` + secret20 + `","backup_codes":["` + aCode + `","` + bCode + `"]}`,
			"{1 alice 3132333435363738393031323334353637383930 SHA1 6 30 codes 2}"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(c.format, c.text)
			if err != nil || f.Refused != 0 || f.Warned != 0 || len(f.Items) != 1 {
				t.Fatalf("%+v, %v", f, err)
			}
			i := f.Items[0]
			got := fmt.Sprintf("{%d %s %s %s %d %d codes %d}", f.Lines, i.User, hex.EncodeToString(i.Secret), i.Algorithm, i.Digits, i.Period, len(i.Codes))
			if c.want == "" {
				c.want = want
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestReadRefusesLines: the error about a line has its number and field and no secret. The other
// lines are still read.
func TestReadRefusesLines(t *testing.T) {
	const hidden = "HIDDENHIDDENHIDDENHIDDEN1890" // 1, 8, 9 and 0 are not base32
	csv := func(header, values string) string {
		return header + "\nbob," + secret20 + "\n" + values + "\ncarol," + secret20
	}
	for name, c := range map[string]struct{ values, field, text string }{
		"no user":          {"," + secret20, "user", "missing"},
		"blank user":       {" alice," + secret20, "user", "begins or ends with a blank"},
		"no id":            {"\"al\nice\"," + secret20, "user", "no id"},
		"no secret":        {"alice,", "secret", "missing"},
		"not base32":       {"alice," + hidden, "secret", "not base32"},
		"odd base32":       {"alice," + secret20 + "A", "secret", "not whole"},
		"too short":        {"alice,GEZDGNBVGY3TQ", "secret", "has 64 bits; want at least 80"},
		"too long":         {"alice," + strings.Repeat(secret20, 7), "secret", "at most 1024"},
		"again":            {"Bob," + secret20, "user", "is in line 2 already"},
		"too few fields":   {"alice", "", "1 fields, but the first line names 2 columns"},
		"too many fields":  {"alice," + secret20 + ",6", "", "3 fields"},
		"a bare quote":     {`al"i"ce,` + secret20, "", "bare"},
		"not UTF-8":        {"al\xffice," + secret20, "", "not UTF-8"},
		"longer than ever": {"alice," + strings.Repeat("A", maxLine), "", "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(CSV, csv("user,secret", c.values))
			checkRefused(t, f, err, 3, c.field, c.text)
			if len(f.Items) != 2 {
				t.Errorf("%d of the lines around were read, want 2", len(f.Items))
			}
			for _, p := range f.Problems {
				if strings.Contains(p.Text, "HIDDEN") {
					t.Errorf("tells the secret: %s", p.Text)
				}
			}
		})
	}
}

func checkRefused(t *testing.T, f *File, err error, line int, field, text string) {
	t.Helper()
	if err != nil || f.Refused != 1 {
		t.Fatalf("%+v, %v", f, err)
	}
	for _, p := range f.Problems {
		if p.Warning {
			continue
		}
		if p.Line != line || p.Field != field || !strings.Contains(p.Text, text) {
			t.Errorf("got %+v, want line %d, field %q, %q", p, line, field, text)
		}
	}
}

// TestReadRefusesFields: one wrong field each.
func TestReadRefusesFields(t *testing.T) {
	good := `"user":"alice","secret":"` + secret20 + `"`
	link := func(rest string) string { return `"user":"alice","uri":"` + rest + `"` }
	kept := `,"backup_realm":"shop","backup_scheme":"` + factor.BackupScheme + `","backup_salt":"` + strings.Repeat("0a", saltSize) + `"`
	hash := strings.Repeat("0b", hashSize)
	for name, c := range map[string]struct{ fields, field, text string }{
		"no object":            {`["alice"]`, "", "not a JSON object"},
		"half an object":       {`{` + good, "", "not a JSON object"},
		"two objects":          {`{` + good + `}{}`, "", "not a JSON object"},
		"words behind it":      {`{` + good + `} x`, "", "not a JSON object"},
		"unknown field":        {`{` + good + `,"pin":"1"}`, "", `the field "pin" is unknown`},
		"other capitals":       {`{` + good + `,"Secret":"x"}`, "", `the field "Secret" is unknown`},
		"twice":                {`{` + good + `,"user":"bob"}`, "user", "is there twice"},
		"a list for a secret":  {`{"user":"alice","secret":["` + secret20 + `"]}`, "secret", "want a text"},
		"true":                 {`{` + good + `,"digits":true}`, "digits", "want a text"},
		"list of numbers":      {`{` + good + `,"backup_codes":[1]}`, "backup_codes", "want a text"},
		"5 digits":             {`{` + good + `,"digits":5}`, "digits", `"5" is no number from 6 to 8`},
		"6.0 digits":           {`{` + good + `,"digits":6.0}`, "digits", "is no number"},
		"a long period":        {`{` + good + `,"period":300}`, "period", "15 to 120"},
		"MD5":                  {`{` + good + `,"algorithm":"MD5"}`, "algorithm", "want SHA1, SHA256 or SHA512"},
		"other encoding":       {`{` + good + `,"encoding":"base64"}`, "encoding", "want base32 or hex"},
		"not hex":              {`{` + good + `,"encoding":"hex"}`, "secret", "not hexadecimal"},
		"link and secret":      {`{` + good + `,"uri":"otpauth://totp/x?secret=` + secret20 + `"}`, "uri", "given together with secret"},
		"another link":         {`{` + link("https://totp/x?secret="+secret20) + `}`, "uri", "want otpauth://totp/"},
		"no link":              {`{` + link("otpauth://%zz") + `}`, "uri", "not a link"},
		"hotp":                 {`{` + link("otpauth://hotp/x?counter=1&secret="+secret20) + `}`, "uri", "hotp"},
		"Steam":                {`{` + link("otpauth://totp/x?encoder=steam&secret="+secret20) + `}`, "uri", "encoder"},
		"two secrets":          {`{` + link("otpauth://totp/x?secret=A&secret="+secret20) + `}`, "uri", "secret twice"},
		"broken query":         {`{` + link("otpauth://totp/x?secret=%zz") + `}`, "uri", "can't be read"},
		"link without secret":  {`{` + link("otpauth://totp/x?digits=6") + `}`, "secret", "missing"},
		"link with odd digits": {`{` + link("otpauth://totp/x?digits=six&secret="+secret20) + `}`, "digits", "is no number"},
		"eight-digit codes":    {`{` + good + `,"backup_codes":["12345678"]}`, "backup_codes", "not all in the form of Secondgate's"},
		"a code twice":         {`{` + good + `,"backup_codes":["` + aCode + `","o123 4567 89ab cdef"]}`, "backup_codes", "have one twice"},
		"too many codes":       {`{` + good + `,"backup_codes":["` + strings.Join(manyCodes(21), `","`) + `"]}`, "backup_codes", "more than 20"},
		"codes and hashes":     {`{` + good + kept + `,"backup_codes":["` + aCode + `"],"backup_hashes":["` + hash + `"]}`, "backup_hashes", "together with backup_codes"},
		"other scheme":         {`{` + good + `,"backup_scheme":"bcrypt","backup_hashes":["` + hash + `"]}`, "backup_scheme", "is unknown"},
		"no salt":              {`{` + good + `,"backup_scheme":"` + factor.BackupScheme + `","backup_hashes":["` + hash + `"]}`, "backup_salt", "want 16 bytes"},
		"short hash":           {`{` + good + kept + `,"backup_hashes":["0b"]}`, "backup_hashes", "want 32 bytes"},
		"too few in all":       {`{` + good + kept + `,"backup_total":1,"backup_hashes":["` + hash + `","` + hash + `"]}`, "backup_total", "from 2 to 20"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(JSONL, c.fields+"\n")
			checkRefused(t, f, err, 1, c.field, c.text)
		})
	}
}

func manyCodes(n int) (codes []string) {
	for i := range n {
		codes = append(codes, fmt.Sprintf("%016d", i))
	}
	return codes
}

// TestReadRefusesFiles: files without users are refused.
func TestReadRefusesFiles(t *testing.T) {
	for name, c := range map[string]struct{ format, text, want string }{
		"empty":               {CSV, "", "the file is empty"},
		"empty lines":         {CSV, "\n\r\n", "the file is empty"},
		"only a header":       {CSV, "user,secret\n", "the file is empty"},
		"only a mark":         {JSONL, "\ufeff", "the file is empty"},
		"binary":              {CSV, "\x7fELF\x02\x01\x00\x00", "line 1: this is no text"},
		"binary later":        {JSONL, `{"user":"alice","secret":"` + secret20 + "\"}\n\x00\x01", "line 2: this is no text"},
		"UTF-16":              {CSV, "\xff\xfeu\x00s\x00", "this is UTF-16"},
		"an unknown column":   {CSV, "user,secret,pin\n", `line 1: the column "pin" is unknown`},
		"a column twice":      {CSV, "user,secret,User\n", `line 1: there are two columns "user"`},
		"no user":             {CSV, "secret\n" + secret20, `no column "user"`},
		"no secret":           {CSV, "user,digits\nalice,6", `neither a column "secret" nor "uri"`},
		"no header":           {CSV, "alice," + secret20, "the column \"alice\" is unknown"},
		"JSON as CSV":         {CSV, `{"user":"alice","secret":"` + secret20 + `"}`, "can't be read"},
		"a quote left open":   {CSV, "user,secret\nbob," + secret20 + "\n\"alice," + secret20 + "\ncarol," + secret20, "a quote is opened in line 3 and not closed"},
		"a quote, much later": {CSV, "user,secret\n\"alice,\n" + strings.Repeat("carol,"+secret20+"\n", 3000), "a quote is opened in line 2 and not closed within"},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := read(c.format, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%+v, %v; want %q", f, err, c.want)
			}
		})
	}
}

// TestReadWarns: an unusual value leads to a warning and does not refuse the file.
func TestReadWarns(t *testing.T) {
	hash := strings.Repeat("0b", hashSize)
	text := "user,secret,backup_realm,backup_scheme,backup_salt,backup_hashes\n" +
		"alice," + secret10 + ",,,,\n" +
		"bob," + secret20 + ",forum," + factor.BackupScheme + "," + strings.Repeat("0a", saltSize) + "," + hash + "\n" +
		"carol," + secret20 + ",shop," + factor.BackupScheme + "," + strings.Repeat("0a", saltSize) + "," + hash + "\n"
	f, err := read(CSV, text)
	if err != nil || f.Refused != 0 || f.Warned != 3 || len(f.Items) != 3 {
		t.Fatalf("%+v, %v", f, err)
	}
	for i, want := range []string{"has 80 bits", "from another realm", "is that of line 3 too"} {
		if p := f.Problems[i]; !p.Warning || !strings.Contains(p.Text, want) {
			t.Errorf("%+v, want %q", p, want)
		}
	}
	if f.Items[1].Kept != nil {
		t.Error("hashes of another realm are kept")
	}
	if k := f.Items[2].Kept; k == nil || len(k.Hashes) != 1 || k.Total != 1 {
		t.Errorf("hashes of this realm: %+v", k)
	}
}

// TestReadCountsWhatItDoesNotKeep: a file that is all wrong costs bounded memory.
func TestReadCountsWhatItDoesNotKeep(t *testing.T) {
	f, err := read(CSV, "user,secret\n"+strings.Repeat("alice,x\n", 3*maxProblems))
	if err != nil || f.Refused != 3*maxProblems || len(f.Problems) != maxProblems {
		t.Errorf("%d refused, %d kept, %v", f.Refused, len(f.Problems), err)
	}
}
