package body_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/secondgate/secondgate/internal/portal/body"
	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// wanted are the usual names and one that was sealed in the visit.
func wanted(name string) bool {
	return body.SessionName(name) || cookie.Same(name, "app_sess")
}

func header(contentType string) http.Header {
	if contentType == "" {
		return http.Header{}
	}
	return http.Header{"Content-Type": {contentType}}
}

func find(h http.Header, text string) ([]body.Field, error) {
	return body.Scan(h, func() io.Reader { return strings.NewReader(text) }, wanted)
}

// show writes fields for comparing: names as cookie.Same compares them, values, and "?"
// for one that can't be compared.
func show(fields []body.Field) string {
	var out []string
	for _, f := range fields {
		value := f.Value
		if strings.HasPrefix(value, "\x00") {
			value = "?"
		}
		name := strings.NewReplacer(".", "_", " ", "_", "[", "_").Replace(strings.TrimLeft(strings.ToLower(f.Name), " "))
		out = append(out, name+"="+value)
	}
	return strings.Join(out, " ")
}

const (
	formType = "application/x-www-form-urlencoded"
	partType = "multipart/form-data; boundary=B"
)

// part is a multipart body of one field.
func part(headers, value string) string {
	return "--B\r\n" + headers + "\r\n\r\n" + value + "\r\n--B--\r\n"
}

// TestH3_Found: session ids that some parser takes out of a body are found.
func TestH3_Found(t *testing.T) {
	named := func(name string) string { return part(`Content-Disposition: form-data; `+name, "x") }
	for _, tt := range []struct{ name, contentType, text, want string }{
		{"form", formType, "a=1&PHPSESSID=x&b=2", "phpsessid=x"},
		{"form, osCommerce", formType, "osCsid=x", "oscsid=x"},
		{"form, twice", formType, "PHPSESSID=1&PHPSESSID=2", "phpsessid=1 phpsessid=2"},
		{"form, type in upper case with a parameter", "Application/X-WWW-Form-URLencoded; charset=UTF-8", "PHPSESSID=x", "phpsessid=x"},
		{"form, type cut at a comma by PHP", formType + ",text/plain", "PHPSESSID=x", "phpsessid=x"},
		{"form, type cut at a blank by PHP", formType + " x", "PHPSESSID=x", "phpsessid=x"},
		{"form, old type", "application/x-url-encoded", "session_id=x", "session_id=x"},
		{"form, encoded", formType, "PHPSESSI%44=%78", "phpsessid=x"},
		{"form, encoded by ASP.NET's way", formType, "session%u005fid=x", "session_id=x"},
		{"form, mangled by PHP", formType, "app.sess=1&app+sess=2&app%5Bsess=3&++app_sess=4&app_sess%00junk=5&%20%20app_sess=6", "app_sess=1 app_sess=2 app_sess=3 app_sess=4 app_sess=5 app_sess=6"},
		{"form, blanks without end", formType, strings.Repeat("+%20 ", 20000) + "app_sess=x", "app_sess=x"},
		{"form, array", formType, "PHPSESSID[]=x&session_id%5B0%5D=y", "phpsessid=x session_id=y"},
		{"form, brackets around it (Rack, qs)", formType, "[session_id]=x&session_id]=y", "session_id=x session_id=y"},
		{"form, semicolons (Rack 2, Perl)", formType, "a=1;PHPSESSID=x;b=2", "phpsessid=x"},
		{"form, the value goes on for some", formType, "PHPSESSID=x;y=1", "phpsessid=?"},
		{"form, no value", formType, "PHPSESSID", "phpsessid="},
		{"form, case", formType, "jsessionid=1&JSESSIONID=2", "jsessionid=1 jsessionid=2"},
		{"form, long value", formType, "PHPSESSID=" + strings.Repeat("x", 40<<10), "phpsessid=?"},
		{"form, behind much else", formType, strings.Repeat("a=1&", 100000) + "PHPSESSID=x", "phpsessid=x"},
		{"no type", "", "PHPSESSID=x", "phpsessid=x"},
		{"text/plain", "text/plain;charset=UTF-8", "PHPSESSID=x", "phpsessid=x"},
		{"odd type", "foo", "PHPSESSID=x", "phpsessid=x"},
		{"odd type, quoted", `"` + formType + `"`, "PHPSESSID=x", "phpsessid=x"},
		{"type searched by formidable", "text/x; y=urlencoded", "PHPSESSID=x", "phpsessid=x"},

		{"JSON", "application/json", `{"a":{"session_id":"no"},"session_id":"x"}`, "session_id=x"},
		{"JSON, number", "application/json", `{"cfid": 4711 }`, "cfid=4711"},
		{"JSON, object", "application/json", `{"session_id":{"a":1}}`, "session_id=?"},
		{"JSON, array", "application/json", `{"session_id":["x"]}`, "session_id=?"},
		{"JSON, both of equal keys in any case", "application/json", `{"session_id":"1","SESSION_ID":"2","session_id":"3"}`, "session_id=1 session_id=2 session_id=3"},
		{"JSON, escapes", "application/json", `{"\u0073ession\u005Fid":"\u0078\"\\\n"}`, "session_id=x\"\\\n"},
		{"JSON, behind a long string", "application/json", `{"file":"` + strings.Repeat(`A\"`, 1<<20) + `","session_id":"x"}`, "session_id=x"},
		{"JSON, not UTF-8", "application/json", "{\"session_id\":\"\xf8\"}", "session_id=?"},
		{"JSON, long value", "application/json", `{"session_id":"` + strings.Repeat("x", 40<<10) + `"}`, "session_id=?"},
		{"JSON, byte order mark", "application/json", "\ufeff" + `{"session_id":"x"}`, "session_id=x"},
		{"JSON, second text", "application/x-ndjson", "{\"a\":1}\n{\"session_id\":\"x\"}", "session_id=x"},
		{"JSON, key without quotes", "application/json", `{session_id:"x"}`, "session_id=x"},
		{"JSON, deep", "application/json", `{"a":` + strings.Repeat("[", 100000) + strings.Repeat("]", 100000) + `,"session_id":"x"}`, "session_id=x"},
		{"JSON by another name", "application/vnd.api+json", `{"session_id":"x"}`, "session_id=x"},
		{"JSON as text", "text/plain", ` {"session_id":"x"}`, "session_id=x"},
		{"JSON without a type", "", `{"session_id":"x"}`, "session_id=x"},
		{"JSON as a form (php://input)", formType, `{"session_id":"x"}`, "session_id=x"},
		{"JSON as an image (php://input)", "image/png", `{"session_id":"x"}`, "session_id=x"},

		{"part", partType, named(`name="PHPSESSID"`), "phpsessid=x"},
		{"part, LF only (PHP)", partType, strings.ReplaceAll(named(`name="PHPSESSID"`), "\r\n", "\n"), "phpsessid=x"},
		{"part, quoted boundary", `multipart/form-data; charset=utf-8; boundary="B"`, named(`name="PHPSESSID"`), "phpsessid=x"},
		{"part, odd boundary", "multipart/form-data; boundary=----=_Part_1:2", strings.ReplaceAll(named(`name="PHPSESSID"`), "--B", "------=_Part_1:2"), "phpsessid=x"},
		{"part, preamble", partType, "preamble\r\n" + named(`name="PHPSESSID"`), "phpsessid=x"},
		{"part, the second", partType, "--B\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a.bin\"\r\n\r\n" + strings.Repeat("\x00\xff\r\n", 50000) + "\r\n" + named(`name="PHPSESSID"`), "phpsessid=x"},
		{"part, no end (PHP)", partType, "--B\r\nContent-Disposition: form-data; name=\"PHPSESSID\"\r\n\r\nx", "phpsessid=?"},
		{"part, empty value", partType, part(`Content-Disposition: form-data; name="PHPSESSID"`, ""), "phpsessid="},
		{"part, ends of lines in the value", partType, part(`Content-Disposition: form-data; name="PHPSESSID"`, "a\nb\r\n"), "phpsessid=a\nb\r\n"},
		{"part, long value", partType, part(`Content-Disposition: form-data; name="PHPSESSID"`, strings.Repeat("x", 100<<10)), "phpsessid=?"},
		{"part, token", partType, named(`name=PHPSESSID`), "phpsessid=x"},
		{"part, single quotes (PHP)", partType, named(`name='PHPSESSID'`), unreadable},
		{"part, backslashes", partType, named(`name="PHP\SESSID"`), "phpsessid=x"},
		{"part, case and blanks", partType, part("CONTENT-disposition:form-data;NAME = \"app.sess\"", "x"), unreadable},
		{"part, mangled", partType, named(`name=" app[sess"`), "app_sess=x"},
		{"part, names twice", partType, named(`name="a"; name="PHPSESSID"`), "phpsessid=x"},
		{"part, the name in a quote that others see", partType, named(`name="a"; filename="\"; name="PHPSESSID"; x="`), unreadable},
		{"part, RFC 2231", partType, named(`name*=utf-8''PHP%53ESSID`), "phpsessid=x"},
		{"part, folded", partType, part("Content-Disposition: form-data;\r\n name=\"PHPSESSID\"", "x"), "phpsessid=x"},
		{"part, two dispositions", partType, part("Content-Disposition: form-data; name=\"a\"; filename=\"b\"\r\nContent-Disposition: form-data; name=\"PHPSESSID\"", "x"), "phpsessid=x"},
		{"part, two dispositions, the second a file's", partType, part("Content-Disposition: form-data; name=\"PHPSESSID\"\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"", "x"), "phpsessid=x"},
		{"part, disposition found by Rack", partType, part("X-Content-Disposition: form-data; name=\"PHPSESSID\"", "x"), unreadable},
		{"part, empty file name (Go)", partType, named(`name="PHPSESSID"; filename=""`), "phpsessid=x"},
		{"part, file name that PHP does not know", partType, named(`name="PHPSESSID"; filename*=utf-8''x`), "phpsessid=x"},
		{"part, coded (Django, Go)", partType, part("Content-Disposition: form-data; name=\"PHPSESSID\"\r\nContent-Transfer-Encoding: base64", "eA=="), "phpsessid=?"},
		{"part, not coded", partType, part("Content-Disposition: form-data; name=\"PHPSESSID\"\r\nContent-Transfer-Encoding: 8bit", "x"), "phpsessid=x"},
		{"related parts (Rack)", "multipart/related; boundary=B", part("Content-ID: <PHPSESSID>", "x"), "phpsessid=x"},
		{"parts without a boundary (Rack)", "multipart/form-data", "PHPSESSID=x", "phpsessid=x"},
	} {
		fields, err := find(header(tt.contentType), tt.text)
		if tt.want == unreadable && errors.Is(err, body.ErrUnreadable) {
			continue
		}
		if got := show(fields); got != tt.want || err != nil {
			t.Errorf("%s: found %.80q, %v; want %q", tt.name, got, err, tt.want)
		}
	}
}

// unreadable says that a body is refused for what parsers could read differently.
const unreadable = "unreadable"

// TestH3_NamesAsPHPReads: names are given to wanted as PHP changes them, so that one that
// compares exactly finds them.
func TestH3_NamesAsPHPReads(t *testing.T) {
	for _, text := range []string{"app.sess=x", "app+sess=x", "app[sess=x", "++app_sess=x", "app_sess%00junk=x", "app_sess[]=x", "app.sess[0]=x", "[app_sess]=x"} {
		fields, err := body.Scan(header(formType), func() io.Reader { return strings.NewReader(text) }, func(name string) bool { return name == "app_sess" })
		if err != nil || len(fields) != 1 || fields[0] != (body.Field{Name: "app_sess", Value: "x"}) {
			t.Errorf("%s: found %q, %v", text, fields, err)
		}
	}
}

// TestH3_Unreadable: bodies that parsers read differently are refused.
func TestH3_Unreadable(t *testing.T) {
	const field = "Content-Disposition: form-data; name=\"a\""
	id := "--B\r\nContent-Disposition: form-data; name=\"PHPSESSID\"\r\n\r\nx"
	for _, tt := range []struct{ name, contentType, text string }{
		{"form in EBCDIC", formType + "; charset=ibm037", "%D7%C8%D7=x"},
		{"form in UTF-16", formType + "; charset=utf-16", "a=1"},
		{"form in UTF-7", formType + "; charset=utf-7", "a=1"},
		{"form in ISO-2022-JP", formType + "; charset=\"iso-2022-jp\"", "PHP\x1b(BSESSID=x"},
		{"form, charset twice", formType + "; charset=utf-8; charset=ibm037", "a=1"},
		{"form, charset by RFC 2231", formType + "; charset*=utf-8''ibm037", "a=1"},
		{"JSON in UTF-16", "application/json; charset=utf-16le", "{}"},
		{"JSON in UTF-16, found by Jackson", "application/json", "{\x00\"\x00s\x00\"\x00:\x001\x00}\x00"},
		{"JSON in UTF-16 with its mark", "application/json", "\xfe\xff\x00{\x00}"},
		{"JSON with a comment (Ruby)", "application/json", `{/*"*/"session_id":"x"}`},
		{"JSON with single quotes", "application/json", `{'"':1,"session_id":"x"}`},
		{"JSON with an escaped key", "application/json", `{session\u005fid:"x"}`},
		{"JSON closed too often", "application/json", `{}}{"a":1}`},
		{"several codings", formType, ""},
		{"two boundaries", "multipart/form-data; xboundary=A; boundary=B", part(field, "x")},
		{"two boundaries, the other way round", "multipart/form-data; boundary=B; xboundary=A", part(field, "x")},
		{"boundary within the boundary (Rack)", "multipart/form-data; boundary=xboundary=B", part(field, "x")},
		{"boundary named elsewhere first", "multipart/form-data; x=boundary; boundary=B", part(field, "x")},
		{"boundary with a comma", "multipart/form-data, boundary=B", part(field, "x")},
		{"boundary with a blank", "multipart/form-data; boundary=B x", part(field, "x")},
		{"boundary with text behind", `multipart/form-data; boundary="B"x`, part(field, "x")},
		{"boundary with an escape", `multipart/form-data; boundary="\B"`, part(field, "x")},
		{"boundary by RFC 2231", `multipart/form-data; boundary*=utf-8''B`, part(field, "x")},
		{"boundary empty", `multipart/form-data; boundary=`, part(field, "x")},
		{"parts in EBCDIC", partType + "; charset=ibm037", part(field, "x")},
		{"a part after the end (PHP)", partType, "--B--\r\n" + id + "\r\n--B--\r\n"},
		{"headers after the end (Django)", partType, part(field, "x") + strings.TrimPrefix(id, "--B")},
		{"a part after the end, in the middle of a line", partType, part(field, "x") + strings.Repeat("x", 5120) + id},
		{"a delimiter in the middle of a line (Django, Rack)", partType, part(field, "x"+id[len("--B\r\n")-5:])},
		{"a delimiter in the middle of a value", partType, part(field, "y--B\r\n"+strings.TrimPrefix(id, "--B\r\n"))},
		{"a delimiter after a bare LF (PHP)", partType, part(field, "y\n"+id)},
		{"a delimiter with blanks behind (Go)", partType, part(field, "y\r\n--B \r\n"+strings.TrimPrefix(id, "--B\r\n"))},
		{"a part before the first delimiter (Django)", partType, strings.TrimPrefix(id, "--B\r\n") + "\r\n" + part(field, "x")},
		{"blanks before the first delimiter (Rack)", partType, " " + part(field, "x")},
		{"an LF in headers", partType, part("X: 1\nContent-Disposition: form-data; name=\"PHPSESSID\"", "x")},
		{"an empty line for PHP", partType, part("X: 1\n\r\nContent-Disposition: form-data; name=\"PHPSESSID\"", "x")},
		{"a CR in headers (Werkzeug)", partType, part("X: 1\rContent-Disposition: form-data; name=\"a\"", "x")},
		{"a NUL in headers", partType, part("Content-Disposition: form-data; name=\"PHPSESSID\x00x\"", "x")},
		{"a line that PHP joins", partType, part("Content-Disposition: form-data; name=\"PHP\r\nSESSID\"", "x")},
		{"continued name", partType, part(`Content-Disposition: form-data; name*0="PHP"; name*1="SESSID"`, "x")},
		{"encoded word (commons-fileupload)", partType, part(`Content-Disposition: form-data; name="=?utf-8?q?PHPSESSID?="`, "x")},
		{"long headers", partType, part(field+"\r\nX: "+strings.Repeat("x", 20<<10), "x")},
		{"no empty line", partType, "--B\r\nContent-Disposition: form-data; name=\"PHPSESSID\"\r\n--B--\r\n"},
		{"no line between headers and delimiter", partType, "--B\r\n" + field + "\r\n\r\n" + id},
		{"more parts than anybody sends", partType, strings.Repeat("--B\r\n"+field+"\r\n\r\nx\r\n", 20001) + "--B--\r\n"},
		{"more fields than anybody sends", formType, strings.Repeat("PHPSESSID=x&", 1000)},
	} {
		h := header(tt.contentType)
		if tt.name == "several codings" {
			h["Content-Encoding"], tt.text = []string{"gzip, gzip"}, "x"
		}
		if fields, err := find(h, tt.text); !errors.Is(err, body.ErrUnreadable) {
			t.Errorf("%s: found %q, %v", tt.name, show(fields), err)
		}
	}
	h := http.Header{"Content-Type": {"text/xml", formType}}
	if _, err := find(h, "PHPSESSID=x"); !errors.Is(err, body.ErrUnreadable) {
		t.Errorf("two types: %v", err)
	}
}

// TestH3_Passes: what ordinary customers and scripts send has nothing that is wanted and
// is not refused.
func TestH3_Passes(t *testing.T) {
	binary := strings.Repeat("\x00\x01&PHPSESSID=x;\xff\r\n--\r\n{\"session_id\":1}", 1000)
	for _, tt := range []struct{ name, contentType, coding, text string }{
		{"nothing", formType, "", ""},
		{"form", formType, "", "user=alice&password=a%26b&phpsessid2=1&sid=2&note=PHPSESSID%3Dx"},
		{"form of an old site", formType + "; charset=ISO-8859-1", "", "name=J%F6rg"},
		{"form of a Japanese site", formType + "; charset=Shift_JIS", "", "name=%83e%83X%83g"},
		{"form without its charset's value", formType + "; charset=", "", "a=b"},
		{"form with a faulty coding", formType, "utf-8", "a=b"},
		{"form with a stray percent sign", formType, "", "a=100%&b=%zz"},
		{"parts of a browser", "multipart/form-data; boundary=----WebKitFormBoundaryAbC123", "", strings.ReplaceAll("--B\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello; name=\"PHPSESSID\"\r\n--B\r\n"+
			"Content-Disposition: form-data; name=\"PHPSESSID\"; filename=\"a b.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"+binary+"\r\n--B--\r\n", "--B", "------WebKitFormBoundaryAbC123")},
		{"parts, no field at all", partType, "", "--B--\r\n"},
		{"parts, file names of all kinds", partType, "", part(`Content-Disposition: form-data; name="f"; filename="C:\a;b \"c\" =?utf-8?B?eA==?=.txt"`, "x")},
		{"parts, an empty value", partType, "", part(`Content-Disposition: form-data; name="a"`, "")},
		{"parts of a script", partType, "", strings.ReplaceAll(part(`Content-Disposition: form-data; name="a"`, "x"), "\r\n", "\n")},
		{"parts of Apache HttpClient", partType, "", part("Content-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=US-ASCII\r\nContent-Transfer-Encoding: 8bit", "x")},
		{"JSON", "application/json", "", `{"user":"alice","n":[1,-2.5e3,null,true],"d":{"PHPSESSID":"x"}}`},
		{"JSON text of another kind", "application/json", "", `["session_id","x"]`},
		{"JSON string", "application/json; charset=utf-8", "", `"session_id"`},
		{"JSON lines", "application/x-ndjson", "", "{\"index\":{}}\n{\"a\":1}\n"},
		{"XML", "text/xml; charset=utf-16", "", "<a href=\"/?a=1&amp;PHPSESSID=x\"/>"},
		{"SOAP", `application/soap+xml; action="urn:json"`, "", "<Envelope>&#x50;</Envelope>"},
		{"XML-RPC", "text/xml", "", "<methodCall><methodName>PHPSESSID</methodName></methodCall>"},
		{"protocol buffers", "application/x-protobuf", "", "\x0a\x09PHPSESSID=x"},
		{"gRPC", "application/grpc-web+proto", "", "\x00\x00\x00\x00\x05PHPSESSID=x"},
		{"an upload", "application/octet-stream", "", binary},
		{"an upload, compressed", "application/octet-stream", "gzip", binary},
		{"an RTF file", "application/rtf", "", `{\rtf1 {\fonttbl} "PHPSESSID":}`},
		{"a style sheet", "text/css", "", "{a:'b'}"},
		{"a note", "text/plain", "", "{not JSON} 'PHPSESSID' <x>"},
		{"a damaged gzip", formType, "gzip", "\x1f\x8b\x08\x00junk"},
	} {
		h := header(tt.contentType)
		if tt.coding != "" {
			h.Set("Content-Encoding", tt.coding)
		}
		if fields, err := find(h, tt.text); err != nil || len(fields) > 0 {
			t.Errorf("%s: found %q, %v", tt.name, show(fields), err)
		}
	}
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// TestH3_Compressed: a compressed body is read as Express reads it, and as PHP, which
// does not decompress it.
func TestH3_Compressed(t *testing.T) {
	for _, tt := range []struct{ contentType, coding, text, want string }{
		{"application/json", "gzip", zipped(`{"session_id":"x"}`), "session_id=x"},
		{formType, "x-gzip", zipped("PHPSESSID=x"), "phpsessid=x"},
		{partType, "gzip", zipped(part(`Content-Disposition: form-data; name="PHPSESSID"`, "x")), "phpsessid=x"},
		{formType, "gzip", "PHPSESSID=x", "phpsessid=x"},
		{formType, "gzip", zipped("PHPSESSID=x&a=" + strings.Repeat("x", 1<<20))[:200], "phpsessid=x"},
		{"text/plain", "gzip", zipped("PHPSESSID=x"), "phpsessid=x"},
		{formType, "compress", "PHPSESSID=x", "phpsessid=x"},
	} {
		h := header(tt.contentType)
		h.Set("Content-Encoding", tt.coding)
		if fields, err := find(h, tt.text); err != nil || show(fields) != tt.want {
			t.Errorf("%s, %s: found %q, %v", tt.contentType, tt.coding, show(fields), err)
		}
	}
	h := header(formType)
	h.Set("Content-Encoding", "gzip")
	if _, err := find(h, zipped(strings.Repeat("a", body.MaxDecoded+1))); !errors.Is(err, body.ErrTooLong) {
		t.Errorf("a bomb: %v", err)
	}
}

// failing is a body that can't be read to its end.
type failing struct{ from io.Reader }

var errBroken = errors.New("broken")

func (f failing) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if err != nil {
		return n, errBroken
	}
	return n, nil
}

// TestScan_ReadErrors: an error of the body is not its end.
func TestScan_ReadErrors(t *testing.T) {
	for _, tt := range []struct{ contentType, coding, text string }{
		{formType, "", ""}, {formType, "", "a=1"}, {partType, "", "--B\r\n"}, {partType, "", "x"}, {"application/json", "", `{"a":1`}, {"application/json", "", `{"session_id":`},
		{"application/json", "", `{"session_id":"x`}, {"image/png", "", ""}, {formType, "gzip", zipped("a=1")[:15]}, {"application/json", "gzip", zipped("{}")[:5]}, {"text/plain", "br", "\x0b"},
	} {
		h := header(tt.contentType)
		h.Set("Content-Encoding", tt.coding)
		_, err := body.Scan(h, func() io.Reader { return failing{strings.NewReader(tt.text)} }, wanted)
		if !errors.Is(err, errBroken) {
			t.Errorf("%s, %s, %q: %v", tt.contentType, tt.coding, tt.text, err)
		}
	}
}

func TestAllowed(t *testing.T) {
	own := func(name, value string) bool { return name == "csrf" && value == "1" }
	for want, lists := range map[bool][][]body.Field{
		true:  {nil, {{"csrf", "1"}}, {{"csrf", "1"}, {"csrf", "1"}}},
		false: {{{"csrf", "2"}}, {{"csrf", "1"}, {"csrf", "2"}}, {{"csrf", ""}}, {{"csrf", "\x00"}}, {{"other", "1"}}},
	} {
		for _, fields := range lists {
			if body.Allowed(fields, own) != want {
				t.Errorf("%q allowed: %v", fields, !want)
			}
		}
	}
}

func TestSessionName(t *testing.T) {
	for _, name := range []string{"PHPSESSID", "JSessionID", "CFID", "CFTOKEN", "osCsid", "zenid", "session_id", "session.id", "Session_ID"} {
		if !body.SessionName(name) {
			t.Errorf("%s", name)
		}
	}
	for _, name := range []string{"", "sid", "session", "sessionid", "PHPSESSID2", "my_session_id"} {
		if body.SessionName(name) {
			t.Errorf("%s", name)
		}
	}
}

// endless is n bytes of a repeated text.
type endless struct {
	text string
	n, i int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	p = p[:min(len(p), e.n)]
	for i := range p {
		p[i] = e.text[e.i]
		e.i = (e.i + 1) % len(e.text)
	}
	e.n -= len(p)
	return len(p), nil
}

// TestScan_Bounded: 16 MiB of whatever costs little memory, and time that grows with the
// length only.
func TestScan_Bounded(t *testing.T) {
	const size = 16 << 20
	for name, tt := range map[string]struct{ contentType, begin, text string }{
		"a file":           {partType, "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n", "x"},
		"half delimiters":  {partType, "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n\r\n", "\r\n-"},
		"small parts":      {partType, "", "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n"},
		"a form":           {formType, "", "a=1&"},
		"one name":         {formType, "", "x"},
		"one wanted value": {formType, "PHPSESSID=", "x"},
		"a JSON string":    {"application/json", `{"a":"`, `A\\`},
		"JSON keys":        {"application/json", `{`, `"a":1,`},
		"JSON brackets":    {"application/json", ``, `[`},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		begun := time.Now()
		_, err := body.Scan(header(tt.contentType), func() io.Reader {
			return io.MultiReader(strings.NewReader(tt.begin), &endless{text: tt.text, n: size})
		}, wanted)
		took := time.Since(begun)
		runtime.ReadMemStats(&after)
		if err != nil && !errors.Is(err, body.ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
		t.Logf("%s: %v, %v, %d KiB allocated, %d KiB more of the heap", name, err, took, (after.TotalAlloc-before.TotalAlloc)>>10, (int64(after.HeapSys)-int64(before.HeapSys))>>10)
		if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 24<<20 || took > 60*time.Second {
			t.Errorf("%s: took %v and %d KiB", name, took, grown>>10)
		}
	}
}

func ExampleScan() {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	open := func() io.Reader { return strings.NewReader("amount=10&PHPSESSID=stolen") }
	fields, err := body.Scan(h, open, body.SessionName)
	own := func(name, value string) bool { return value == "mine" }
	fmt.Println(fields, err, body.Allowed(fields, own))
	// Output: [{PHPSESSID stolen}] <nil> false
}

// TestBatch: an array at the top of a JSON body is reported, whatever its type says; one
// further in is not.
func TestBatch(t *testing.T) {
	batch := func(name string) bool { return name == body.Batch }
	for text, want := range map[string]int{
		`[{"a":1}]`: 0, "\ufeff\n [1]": 0, `{"a":[1]}`: 0, `"[1]"`: 0, `{"[":1}`: 1, `[{"user":{"query":1}}]`: 0,
		`[{"query":"a"}]`: 1, "\ufeff\n [{\"a\":1},{\"Method\":1}]": 1, `{"a":1}[{"operationName":2}]`: 2, `[{"\u0071uery":1}]`: 1, `[{query:1}]`: 1,
	} {
		for _, kind := range []string{"application/json", "text/plain", "text/x"} {
			if kind != "application/json" && text[0] == '"' {
				continue
			}
			fields, err := body.Scan(header(kind), func() io.Reader { return strings.NewReader(text) }, batch)
			if err != nil || len(fields) != want {
				t.Errorf("%s, %s: %q, %v", kind, text, fields, err)
			}
		}
	}
}
