package body_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/portal/body"
)

// sent is what a parser reads in a body.
type sent [][2]string

// parsers are how portals read a body, by its Content-Type.
var parsers = map[string]func(contentType, text string) sent{
	"PHP": phpReads, "net/http": goReads, "JSON": jsonReads, "Rack": rackReads, "Django": djangoReads,
}

func goReads(contentType, text string) (out sent) {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(text))
	r.Header.Set("Content-Type", contentType)
	_ = r.ParseMultipartForm(1 << 20)
	for name, values := range r.PostForm {
		for _, v := range values {
			out = append(out, [2]string{name, v})
		}
	}
	return out
}

func jsonReads(_, text string) (out sent) {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(strings.TrimPrefix(text, "\ufeff")), &object) != nil {
		return nil
	}
	for name, raw := range object {
		value := string(raw)
		_ = json.Unmarshal(raw, &value) // else as it was written
		out = append(out, [2]string{name, value})
	}
	return out
}

func query(text, separators string, out sent) sent {
	for pair := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		name, value, _ := strings.Cut(pair, "=")
		out = append(out, [2]string{lenient(name), lenient(value)})
	}
	return out
}

// lenient decodes what can be decoded, as PHP does.
func lenient(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i] == '%' {
			if d, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(d)
				i += 2
				continue
			}
		}
		b.WriteByte(blank(s[i]))
	}
	return b.String()
}

// phpMangles is php_register_variable_ex, with arrays by their names.
func phpMangles(in sent) (out sent) {
	for _, p := range in {
		name, _, _ := strings.Cut(p[0], "\x00")
		name = strings.TrimLeft(name, " ")
		base, rest, array := strings.Cut(name, "[")
		base = strings.NewReplacer(".", "_", " ", "_").Replace(base)
		if array && !strings.Contains(rest, "]") {
			base += "_" + rest
		}
		out = append(out, [2]string{base, p[1]})
	}
	return out
}

// phpReads is PHP 8: SAPI.c, php_variables.c, rfc1867.c.
func phpReads(contentType, text string) sent {
	kind := strings.ToLower(contentType)
	if i := strings.IndexAny(kind, ";, "); i >= 0 {
		kind = kind[:i]
	}
	switch kind {
	case formType:
		return phpMangles(query(text, "&", nil))
	case "multipart/form-data":
		if boundary, ok := phpBoundary(contentType); ok {
			return phpMangles((&phpParts{text: text, boundary: "--" + boundary}).read())
		}
	}
	return nil
}

func phpBoundary(contentType string) (string, bool) {
	at := strings.Index(contentType, "boundary")
	if at < 0 {
		at = strings.Index(strings.ToLower(contentType), "boundary")
	}
	if at < 0 || at > len(contentType) {
		return "", false
	}
	_, b, ok := strings.Cut(contentType[at:], "=")
	if !ok {
		return "", false
	}
	if strings.HasPrefix(b, `"`) {
		b, _, ok = strings.Cut(b[1:], `"`)
		return b, ok
	}
	if i := strings.IndexAny(b, ",;"); i >= 0 {
		b = b[:i]
	}
	return b, true
}

type phpParts struct{ text, boundary string }

// line is get_line: to LF, without CRLF, or what fills the buffer.
func (p *phpParts) line() (string, bool) {
	const fill = 5120
	i := strings.IndexByte(p.text[:min(len(p.text), fill)], '\n')
	switch {
	case p.text == "":
		return "", false
	case i < 0 && len(p.text) < fill:
		line := p.text
		p.text = ""
		return line, true
	case i < 0:
		line := p.text[:fill]
		p.text = p.text[fill:]
		return line, true
	}
	line := strings.TrimSuffix(p.text[:i], "\r")
	p.text = p.text[i+1:]
	line, _, _ = strings.Cut(line, "\x00")
	return line, true
}

func (p *phpParts) read() (out sent) {
	for {
		for {
			line, ok := p.line()
			if !ok {
				return out
			}
			if line == p.boundary {
				break
			}
		}
		header := p.headers()
		cut := strings.Index(p.text, "\n"+p.boundary)
		value := p.text
		if cut >= 0 {
			value = strings.TrimSuffix(p.text[:cut], "\r")
			p.text = p.text[cut:]
		} else {
			p.text = ""
		}
		name, file := phpDisposition(header)
		if name != "" && !file {
			out = append(out, [2]string{name, value})
		}
	}
}

// headers returns Content-Disposition, with lines without a colon joined to it.
func (p *phpParts) headers() string {
	var keys, values []string
	for {
		line, ok := p.line()
		if !ok || line == "" {
			break
		}
		key, value, colon := strings.Cut(line, ":")
		space := strings.IndexByte(" \t\n\v\f\r", line[0]) >= 0
		switch {
		case !space && colon:
			keys, values = append(keys, key), append(values, strings.TrimLeft(value, " \t\n\v\f\r"))
		case len(keys) > 0:
			values[len(values)-1] += line
		}
	}
	for i, key := range keys {
		if strings.EqualFold(key, "content-disposition") {
			return values[i]
		}
	}
	return ""
}

func phpDisposition(header string) (name string, file bool) {
	for header != "" {
		var pair string
		pair, header = phpWord(strings.TrimLeft(header, " \t"), ';')
		key, rest := phpWord(pair, '=')
		switch strings.ToLower(key) {
		case "name":
			name = phpConf(rest)
		case "filename":
			file = true
		}
	}
	return name, file
}

// phpWord is php_ap_getword: up to a stop outside quotes, with repeated stops skipped.
func phpWord(s string, stop byte) (word, rest string) {
	i := 0
	for i < len(s) && s[i] != stop {
		if quote := s[i]; quote == '"' || quote == '\'' {
			for i++; i < len(s) && s[i] != quote; i++ {
				if s[i] == '\\' && i+1 < len(s) && s[i+1] == quote {
					i++
				}
			}
		}
		i++
	}
	i = min(i, len(s))
	return s[:i], strings.TrimLeft(s[i:], string(stop))
}

// phpConf is php_ap_getword_conf.
func phpConf(s string) string {
	s = strings.TrimLeft(s, " \t")
	if s == "" {
		return ""
	}
	if quote := s[0]; quote == '"' || quote == '\'' {
		var b strings.Builder
		for i := 1; i < len(s) && s[i] != quote; i++ {
			if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == quote) {
				i++
			}
			b.WriteByte(s[i])
		}
		return b.String()
	}
	if i := strings.IndexAny(s, " \t"); i >= 0 {
		s = s[:i]
	}
	return s
}

// rackReads is Rack's forms, with semicolons as separators, and without a type.
func rackReads(contentType, text string) (out sent) {
	kind := strings.ToLower(contentType)
	if i := strings.IndexAny(kind, ";,"); i >= 0 {
		kind = kind[:i]
	}
	if kind = strings.TrimSpace(kind); kind != "" && kind != formType {
		return nil
	}
	for _, p := range query(text, "&;", nil) {
		name := strings.TrimLeft(strings.TrimLeft(p[0], " "), "[]")
		if i := strings.IndexAny(name, "[]"); i >= 0 {
			name = name[:i]
		}
		out = append(out, [2]string{name, p[1]})
	}
	return out
}

// djangoReads ends parts at each delimiter, wherever it is.
func djangoReads(contentType, text string) (out sent) {
	boundary, ok := phpBoundary(contentType)
	if !ok || !strings.HasPrefix(strings.ToLower(contentType), "multipart/form-data") || boundary == "" {
		return nil
	}
	for _, part := range strings.Split(text, "--"+boundary) {
		headers, value, ok := strings.Cut(part, "\r\n\r\n")
		if !ok {
			continue
		}
		for line := range strings.SplitSeq(headers, "\r\n") {
			key, rest, _ := strings.Cut(line, ":")
			if !strings.EqualFold(strings.TrimSpace(key), "content-disposition") || strings.Contains(strings.ToLower(rest), "filename") {
				continue
			}
			for parameter := range strings.SplitSeq(rest, ";") {
				key, name, _ := strings.Cut(parameter, "=")
				if strings.EqualFold(strings.TrimSpace(key), "name") {
					out = append(out, [2]string{strings.Trim(strings.TrimSpace(name), `"`), strings.TrimSuffix(strings.TrimSuffix(value, "\n"), "\r")})
				}
			}
		}
	}
	return out
}

// FuzzScan: what one of the parsers reads under a wanted name is found, or the body is
// refused; and where all that is found has one value, the parser reads that value too.
func FuzzScan(f *testing.F) {
	writer := &bytes.Buffer{}
	w := multipart.NewWriter(writer)
	_ = w.SetBoundary("B")
	_ = w.WriteField("PHPSESSID", "x")
	_ = w.Close()
	form := "Content-Disposition: form-data; name=\"PHPSESSID\"\r\n\r\nx"
	for _, text := range []string{
		writer.String(), "--B\r\n" + form + "\r\n--B--", "--B--\r\n--B\r\n" + form, "--B\n" + strings.ReplaceAll(form, "\r", "") + "\n--B\n", "--B\r\n" + form + "--B\r\n" + form,
		"--B\r\nX: 1\nContent-Disposition: form-data; name=PHPSESSID\r\n\r\nx\r\n--B--", "--B\r\nContent-Disposition: form-data; na\r\nme=PHPSESSID\r\n\r\nx\r\n--B--\r\n",
		"--B\r\nContent-Disposition: form-data; name=\"a\\\"; name=\"PHPSESSID\"\r\n\r\nx\r\n--B--", "--B\r\nContent-Disposition: form-data; name='PHPSESSID'; filename=\"\"\r\n\r\n\r\n--B--",
		"a=1&PHPSESSID=x", "PHPSESSID[]=x;app.sess=y", "+app%20sess%00=%41", "[session_id]=x", `{"session_id":"x","a":{}}`, `{"a":[1,{"b":"\""}],"\u0073ession_id":1}`,
		" {\"a\":\"\\\\\",\"session_id\":null}\n", "\ufeff{}", "{/*\"*/\"session_id\":1}", "--B \r\n" + form, " --B\r\n" + form,
	} {
		for _, contentType := range []string{formType, partType, "application/json", "text/plain", "", "multipart/form-data; boundary=\"B\"; charset=utf-8", "multipart/form-data, boundary=A; boundary=B"} {
			f.Add(contentType, text)
		}
	}
	f.Fuzz(func(t *testing.T, contentType, text string) {
		if strings.ContainsAny(contentType, "\r\n\x00") || strings.TrimSpace(contentType) != contentType {
			return // no header has it
		}
		fields, err := body.Scan(header(contentType), func() io.Reader { return strings.NewReader(text) }, wanted)
		if err != nil {
			return
		}
		for parser, reads := range parsers {
			for _, p := range reads(contentType, text) {
				if !wanted(p[0]) {
					continue
				}
				same := func(_, value string) bool { return value == p[1] }
				one := func(_, value string) bool { return value == fields[0].Value }
				if len(fields) == 0 || body.Allowed(fields, one) && fields[0].Value[:min(1, len(fields[0].Value))] != "\x00" && !body.Allowed(fields, same) {
					t.Fatalf("%s reads %q in %q (%s); found %q", parser, p, text, contentType, fields)
				}
			}
		}
	})
}

// TestFuzzScan_Models: the parsers find what they are there to find.
func TestFuzzScan_Models(t *testing.T) {
	whole := part(`Content-Disposition: form-data; name="PHPSESSID"`, "x")
	for _, tt := range []struct{ parser, contentType, text string }{
		{"PHP", formType, "a=1&PHPSESSID=x"}, {"PHP", partType, whole}, {"PHP", partType, "--B--\r\n" + whole}, {"PHP", partType, strings.TrimSuffix(whole, "\r\n--B--\r\n")},
		{"PHP", partType, part("Content-Disposition: form-data; na\r\nme='PHPSESSID'", "x")}, {"PHP", partType, strings.Repeat("x", 5120) + whole},
		{"net/http", formType, "PHPSESSID=x"}, {"net/http", partType, whole}, {"JSON", "", `{"PHPSESSID":"x"}`}, {"Rack", "", "a=1;[PHPSESSID]=x"}, {"Django", partType, "junk" + whole},
	} {
		got := parsers[tt.parser](tt.contentType, tt.text)
		found := false
		for _, p := range got {
			found = found || p == [2]string{"PHPSESSID", "x"}
		}
		if !found {
			t.Errorf("%s reads %q in %.80q", tt.parser, got, tt.text)
		}
	}
}

func blank(c byte) byte {
	if c == '+' {
		return ' '
	}
	return c
}
