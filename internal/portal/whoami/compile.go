package whoami

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/text/unicode/norm"

	"github.com/secondgate/secondgate/config"
)

const firstPlaceholder = "{first}"

// unaskable are headers that a question can't set: they would answer for somebody
// else, or belong to the connection.
var unaskable = []string{"Authorization", "Connection", "Content-Length", "Cookie", "Host", "Proxy-Authorization", "Range", "Transfer-Encoding", "Upgrade"}

// ambiguous are statuses by which servers say that they did not or could not read a
// request. A stranger's odd headers bring them about, so they prove nothing.
var ambiguous = []int{http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong,
	http.StatusExpectationFailed, http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusRequestHeaderFieldsTooLarge}

// Compile checks a question and makes it ready. Errors begin with the name of the
// setting as in JSON, and name the value and what would be right.
func Compile(c config.Whoami) (*Question, error) {
	q := &Question{uri: c.URI}
	for _, step := range [...]func(config.Whoami) error{q.setURI, q.setFirst, q.setHeader, q.setAnonymous, q.setUser, q.setNormalize} {
		if err := step(c); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// Warnings are what works, but is easily wrong.
func Warnings(c config.Whoami) (warnings []string) {
	for _, s := range c.Anonymous {
		if s.Regex != "" && !(strings.HasPrefix(s.Regex, "^") && strings.HasSuffix(s.Regex, "$")) {
			warnings = append(warnings, fmt.Sprintf("anonymous regex %q: text of a page can be planted; prefer redirect, status or html, or anchor it with ^ and $", s.Regex))
		}
	}
	return warnings
}

func checkURI(where, uri string) error {
	u, err := url.ParseRequestURI(uri)
	if err != nil || !strings.HasPrefix(uri, "/") || strings.HasPrefix(uri, "//") || u.Fragment != "" || strings.Contains(uri, "#") {
		return fmt.Errorf("%s: %q is no path; want for example /account?action=details", where, uri)
	}
	return nil
}

func (q *Question) setURI(c config.Whoami) error { return checkURI("uri", c.URI) }

func (q *Question) setFirst(c config.Whoami) error {
	if c.First == nil {
		return nil
	}
	if err := checkURI("first.uri", c.First.URI); err != nil {
		return err
	}
	x, err := compileExtractor(c.First.Extract)
	if err != nil {
		return fmt.Errorf("first.extract: %w", err)
	}
	q.first = &first{uri: c.First.URI, extract: x}
	return nil
}

func (q *Question) setHeader(c config.Whoami) error {
	q.header = make(map[string]string, len(c.Header))
	used := false
	for name, value := range c.Header {
		if !httpguts.ValidHeaderFieldName(name) || slices.Contains(unaskable, textproto.CanonicalMIMEHeaderKey(name)) {
			return fmt.Errorf("header: %q can't be set; want a header that says nothing of who asks, for example X-WP-Nonce", name)
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("header.%s: the value has control characters", name)
		}
		used = used || strings.Contains(value, firstPlaceholder)
		q.header[name] = value
	}
	if used != (q.first != nil) {
		return errors.New("header: first and the placeholder {first} need each other; give both or neither")
	}
	return nil
}

func (q *Question) setAnonymous(c config.Whoami) error {
	if len(c.Anonymous) == 0 {
		return errors.New("anonymous: missing; want at least one sign that nobody is signed in, for example redirect */login*")
	}
	for i, s := range c.Anonymous {
		compiled, err := compileSign(s)
		if err != nil {
			return fmt.Errorf("anonymous.%d: %w", i, err)
		}
		q.anonymous = append(q.anonymous, compiled)
	}
	return nil
}

func (q *Question) setUser(c config.Whoami) (err error) {
	if c.User == nil {
		return errors.New("user: missing; want what yields the user's id, for example json .user.id")
	}
	if q.user, err = compileExtractor(*c.User); err != nil {
		return fmt.Errorf("user: %w", err)
	}
	if q.name, err = compileOptional(c.Name); err != nil {
		return fmt.Errorf("name: %w", err)
	}
	if q.email, err = compileOptional(c.Email); err != nil {
		return fmt.Errorf("email: %w", err)
	}
	return nil
}

func compileOptional(c *config.Extractor) (*extractor, error) {
	if c == nil {
		return nil, nil
	}
	x, err := compileExtractor(*c)
	return &x, err
}

func (q *Question) setNormalize(c config.Whoami) error {
	for _, name := range c.Normalize {
		f := map[string]func(string) string{"lower": strings.ToLower, "nfkc": norm.NFKC.String, "trim": strings.TrimSpace}[name]
		if f == nil {
			return fmt.Errorf("normalize: %q is unknown; want lower, nfkc or trim", name)
		}
		q.normalize = append(q.normalize, f)
	}
	return nil
}
