package body

import (
	"net/http"
	"regexp"
	"strings"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/secondgate/secondgate/internal/contentcoding"
)

// kind lists the ways in which a body has to be read.
type kind struct {
	// form: as application/x-www-form-urlencoded.
	form bool
	// json: the type says JSON, so that a lenient parser may be at work: what is no JSON
	// is unreadable. Other bodies are read as JSON as far as they are.
	json bool
	// boundary of the parts; "" for a body that is not read in parts.
	boundary string
	// coding is the body's compression (contentcoding.Name).
	coding string
}

// kindOf reads Content-Type and Content-Encoding.
//
// PHP goes by the type up to ";", "," or " ", in any case (SAPI.c, sapi_read_post_data);
// servlets by that up to ";" (Tomcat, Request.parseParameters); Rack by that up to ";" or
// ",", and takes a POST without a type for a form (Rack::Request#form_data?); formidable
// searches the whole value for "urlencoded" and "multipart". Programs that read
// text/plain, which HTML forms can send, as a form or as JSON are common with beacons.
func kindOf(h http.Header) (kind, error) {
	var k kind
	if len(h["Content-Type"]) > 1 {
		return k, ErrUnreadable // CGI gets the first, others the last, or both joined
	}
	value := lower(h.Get("Content-Type"))
	name, _, _ := strings.Cut(strings.TrimSpace(value), ";")
	if i := strings.IndexAny(name, ", \t"); i >= 0 {
		name = name[:i]
	}
	boundary, rest, err := boundaryOf(h.Get("Content-Type"))
	if err != nil {
		return k, err
	}
	k.form = name == "text/plain" || strings.Contains(rest, "urlencoded") || strings.Contains(rest, "url-encoded") || !mediaType.MatchString(name) // or no type
	k.json = strings.Contains(name, "json")
	parts := strings.Contains(rest, "multipart")
	switch {
	case parts && boundary != "":
		k.boundary = boundary
	case parts:
		k.form = true // Rack (2 and 3) reads multipart without a boundary as a form
	}
	if !k.form && !k.json && k.boundary == "" {
		return kind{}, nil
	}
	if !readableCharset(rest) {
		return k, ErrUnreadable
	}
	k.coding, err = codingOf(h["Content-Encoding"])
	return k, err
}

var mediaType = regexp.MustCompile(`^[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+$`)

// codingOf returns the compression that has to be undone. Of a coding that is unknown,
// such as "utf-8" from faulty clients, all servers read the body as sent; several
// codings may be undone by some.
func codingOf(values []string) (string, error) {
	coding, err := contentcoding.Name(values)
	if err != nil && (len(values) > 1 || strings.Contains(values[0], ",")) {
		return "", ErrUnreadable
	}
	return coding, nil
}

// maxBoundary bounds the boundary; RFC 2046 allows 70 bytes.
const maxBoundary = 200

// boundaryOf returns the boundary, "" for none, and the rest of the value in lower case.
//
// PHP takes what follows the first "boundary" and then "=", up to `"`, "," or ";"
// (rfc1867.c); Rack what follows the last "boundary="; Go, Java and others the parameter
// of that name. All agree if there is one occurrence, as a parameter's name, and a value
// without blanks, quotes and backslashes. Only such a value is readable.
func boundaryOf(value string) (boundary, rest string, err error) {
	small := lower(value)
	at := strings.Index(small, "boundary")
	if at < 0 || !strings.Contains(small, "multipart") {
		return "", small, nil
	}
	before, after := strings.TrimRight(small[:at], " \t"), value[at+len("boundary"):]
	sent, ok := strings.CutPrefix(after, "=")
	if !ok || !strings.HasSuffix(before, ";") {
		return "", "", ErrUnreadable
	}
	quoted := strings.HasPrefix(sent, `"`)
	ends := ";,"
	if quoted {
		sent, ends = sent[1:], `"`
	}
	end := strings.IndexAny(sent, ends)
	switch {
	case end >= 0:
		boundary, after = sent[:end], sent[end:]
	case quoted:
		return "", "", ErrUnreadable
	default:
		boundary, after = sent, ""
	}
	after = strings.TrimSpace(strings.TrimPrefix(after, `"`))
	twice := strings.Contains(lower(boundary), "boundary=") || strings.Contains(lower(after), "boundary")
	if twice || boundary == "" || len(boundary) > maxBoundary || strings.ContainsAny(boundary, " \t\"'\\") || after != "" && after[0] != ';' {
		return "", "", ErrUnreadable
	}
	return boundary, before + lower(after), nil
}

// lower changes ASCII letters only, so that offsets stay.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

var charset = regexp.MustCompile(`charset([^=;,]*)=\s*["']?([^"';,\s]*)`)

// readableCharset reports whether every charset of a type, in lower case, is one in which
// ASCII characters are the same bytes as in ASCII, and no others are. UTF-16, EBCDIC
// (ibm037), UTF-7 and ISO-2022 are not: servlets and Django decode names by it, Express
// JSON. The list is that of the WHATWG Encoding Standard.
func readableCharset(value string) bool {
	for _, m := range charset.FindAllStringSubmatch(value, -1) {
		if strings.TrimSpace(m[1]) != "" {
			return false // `charset*`, which some decode (RFC 2231)
		}
		if m[2] == "" {
			continue
		}
		e, err := htmlindex.Get(m[2])
		if err != nil {
			return false
		}
		switch name, err := htmlindex.Name(e); {
		case err != nil, name == "utf-16le", name == "utf-16be", name == "iso-2022-jp", name == "replacement":
			return false
		}
	}
	return true
}
