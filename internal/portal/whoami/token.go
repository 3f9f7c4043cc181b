package whoami

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/secondgate/secondgate/config"
)

// Token finds the token in the response to a sign-in, or the signs that the response has none. It
// is safe for concurrent use.
type Token struct {
	path   []string
	failed []sign
}

// CompileToken compiles the JSON path of the token, written as in `json` of an extractor, and the
// signs of a failed sign-in.
func CompileToken(path string, failed []config.Sign) (*Token, error) {
	compiled, err := compilePath(path)
	if err != nil {
		return nil, err
	}
	t := &Token{path: compiled}
	for _, f := range failed {
		s, err := compileSign(f)
		if err != nil {
			return nil, fmt.Errorf("failed: %w", err)
		}
		t.failed = append(t.failed, s)
	}
	return t, nil
}

// Failed reports whether a response in which Find found no token shows that there is none: the
// sign-in failed, or the request was none. It does not look for the token itself, so a caller asks
// Find first. Without declared signs a status of 400 to 499 is the sign. It returns false for a
// response that can't be read, and for one of a failing portal (status 500 or above).
func (t *Token) Failed(res Response) bool {
	if len(t.failed) == 0 {
		return res.Status >= http.StatusBadRequest && res.Status < http.StatusInternalServerError
	}
	p, err := read(res)
	return err == nil && slices.ContainsFunc(t.failed, func(s sign) bool { return s(p) })
}

// Find returns the token, or "" if the response has none, as after a wrong password. A response
// that may hide a token is an error: if it is too large, compressed with an unknown coding, no JSON
// although JSON is expected, or if it has several tokens or a value at the path that is no text.
// Errors do not quote the response.
func (t *Token) Find(res Response) (string, error) {
	if res.Truncated || len(res.Body) > maxBody {
		return "", errors.New("the response is too large, too slow or cut off")
	}
	if len(res.Body) == 0 {
		return "", nil
	}
	body, err := decompress(res.Body, res.Header.Values("Content-Encoding"))
	if err != nil {
		return "", err
	}
	p := &page{status: res.Status, header: res.Header, body: body}
	nodes, err := p.follow(t.path)
	if err != nil {
		if expectsJSON(res) {
			return "", err
		}
		return "", nil
	}
	return onlyText(nodes)
}

// expectsJSON reports whether a script would treat the response as that of a successful sign-in.
func expectsJSON(res Response) bool {
	kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return res.Status >= http.StatusOK && res.Status < http.StatusMultipleChoices || strings.HasSuffix(strings.TrimSpace(strings.ToLower(kind)), "json")
}

// onlyText returns the only text among the nodes. It ignores values that mean "none".
func onlyText(nodes []*jsonNode) (string, error) {
	found := ""
	for _, n := range nodes {
		switch {
		case n.kind == jsonText && (found == "" || found == n.text):
			found = n.text
		case n.kind == jsonText && n.text == "", n.kind == jsonNull, n.kind == jsonFalse, n.kind == jsonArray:
		case n.kind == jsonText:
			return "", errors.New("several tokens")
		default:
			return "", errors.New("the token is no text")
		}
	}
	return found, nil
}
