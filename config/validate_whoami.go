package config

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/andybalholm/cascadia"
	"golang.org/x/net/html"

	"github.com/secondgate/secondgate/internal/directive"
)

// firstPlaceholder is replaced in Whoami.Header by the value that First extracts.
const firstPlaceholder = "{first}"

// maxWhoami is the maximum number of questions of a site.
const maxWhoami = 16

func (w Whoami) validate(ownPath string) error {
	if err := first(validateURI(w.URI), outside("", w.URI, ownPath), w.validateFirst(ownPath)); err != nil {
		return err
	}
	if w.User == nil {
		return wrong("user", "whoami %s has none, so no user could ever be recognised; want for example user json id", w.URI)
	}
	if len(w.Anonymous) == 0 {
		return wrong("anonymous", "whoami %s has no sign that no user is signed in, so strangers could never be recognised; want for example anonymous redirect */login*", w.URI)
	}
	return first(w.validateHeaders(), w.validateNormalize())
}

// outside refuses a question for one of Secondgate's own pages, which the portal does not
// answer.
func outside(where, uri, ownPath string) error {
	p, _, _ := strings.Cut(uri, "?")
	if p == ownPath || strings.HasPrefix(p, ownPath+"/") {
		return wrong(where, "%q lies among the own pages (%s); want a page of the portal, or another path", uri, ownPath)
	}
	return nil
}

func (w Whoami) validateFirst(ownPath string) error {
	used := false
	for _, v := range w.Header {
		used = used || strings.Contains(v, firstPlaceholder)
	}
	if w.First == nil {
		if used {
			return wrong("header", "{first} is used without a first; want for example first /nonce with an extractor")
		}
		return nil
	}
	if !used {
		return wrong("first", "%q extracts a value that no header uses; want for example header X-WP-Nonce {first}", w.First.URI)
	}
	return first(
		directive.At("first", validateURI(w.First.URI)),
		outside("first", w.First.URI, ownPath),
		directive.At("first", w.First.Extract.validate()),
	)
}

// personal are headers that a question must not set: it would then be answered for another
// user than the request's, or with a part of the page.
var personal = []string{"Authorization", "Proxy-Authorization", "Range"}

func (w Whoami) validateHeaders() error {
	for name, value := range w.Header {
		if err := validateHeader(name); err != nil {
			return directive.At("header", err)
		}
		if slices.Contains(personal, http.CanonicalHeaderKey(name)) {
			return wrong("header", "%q would identify another user than the sender of the request; want it declared as a credential, or a header that identifies no user", name)
		}
		if strings.ContainsFunc(value, unicode.IsControl) {
			return wrong("header", "the value of %s holds control characters; want one line", name)
		}
		if strings.ContainsAny(strings.ReplaceAll(value, firstPlaceholder, ""), "{}") {
			return wrong("header", "%q, the value of %s, holds a placeholder that is not known here; want text or {first}", value, name)
		}
	}
	return nil
}

func (w Whoami) validateNormalize() error {
	for i, n := range w.Normalize {
		if err := directive.OneOf(n, "lower", "nfkc", "trim"); err != nil {
			return directive.At("normalize", err)
		}
		if slices.Contains(w.Normalize[:i], n) {
			return wrong("normalize", "%q is there twice; want it once", n)
		}
	}
	return nil
}

// validate checks a sign that no user is signed in.
func (s Sign) validate() error { return s.validateBy(Sign.validateStatus) }

// validateBy checks a sign. status checks its statuses, for which `anonymous` and `failed` have
// different rules.
func (s Sign) validateBy(status func(Sign) error) error {
	set := countSet(s.Redirect, s.HTML, s.JSON, s.Regex)
	if len(s.Status) > 0 {
		set++
	}
	inside := s.HTML != "" && countSet(s.JSON, s.Regex) == 1
	if set != 1 && !(inside && set == 2) {
		return wrong("", "it has %d signs; want one of redirect, status, html, json, regex, or html with json or regex behind it", set)
	}
	if s.Attr != "" && !inside {
		return wrong("", "attribute %q belongs to html with json or regex behind it; want one of these, or a selector that finds the attribute: html \"div[%s]\"", s.Attr, s.Attr)
	}
	if s.Value != nil && s.JSON == "" {
		return wrong("", "value %q belongs to json; want json PATH VALUE", *s.Value)
	}
	if s.HTML != "" && !inside {
		return first(validateSelector(s.HTML), validateSeen(s.HTML))
	}
	return first(
		ifSet(s.Redirect, validateRedirect),
		ifSet(s.HTML, validateSelector),
		ifSet(s.JSON, validateJSONPath),
		ifSet(s.Regex, validateRegex),
		status(s),
	)
}

func ifSet(value string, check func(string) error) error {
	if value == "" {
		return nil
	}
	return check(value)
}

func validateRedirect(glob string) error {
	if strings.Trim(glob, "*/") == "" {
		return wrong("", "redirect %q matches every redirect; want the address of the sign-in page, for example */login*", glob)
	}
	return nil
}

// ambiguous are statuses of servers for requests that they can't or won't process. A signed-in
// user can cause them, for example with unusual headers.
var ambiguous = []int{400, 408, 413, 414, 417, 421, 425, 429, 431}

// validateStatus refuses statuses that a signed-in user may get as well: those of a working
// page, of a request that the server can't process, and of a failing portal.
func (s Sign) validateStatus() error {
	for _, code := range s.Status {
		switch {
		case code == 200:
			return wrong("", "status 200 is also the answer to users; want one that only strangers get, for example 401")
		case code < 200 || code > 499:
			return wrong("", "status %d is no sign of a stranger (a failing portal is unknown, never anonymous); want for example 401, or redirect, html or json", code)
		case slices.Contains(ambiguous, code):
			return wrong("", "status %d proves nothing: users can provoke it with a malformed request; want for example 401, or redirect, html or json", code)
		}
	}
	return nil
}

// validate checks an extractor. It must have exactly one source, or html with json or regex.
func (e Extractor) validate() error {
	inside := e.HTML != "" && countSet(e.JSON, e.Regex) == 1 && e.Header == ""
	if n := countSet(e.HTML, e.JSON, e.Regex, e.Header); n != 1 && !inside {
		return wrong("", "it has %d sources; want one of html, json, regex, header, or html with json or regex behind it", n)
	}
	if e.Attr != "" && e.HTML == "" {
		return wrong("", "attribute %q belongs to html; want html SELECTOR ATTR", e.Attr)
	}
	return first(
		ifSet(e.HTML, validateSelector),
		ifSet(e.JSON, validateJSONPath),
		ifSet(e.Regex, validateGroup),
		ifSet(e.Header, validateHeader),
	)
}

func validateSelector(selector string) error {
	if _, err := cascadia.ParseGroup(selector); err != nil {
		return wrong("", "html %q is not a CSS selector: %v; want for example \"#account input[name=email]\"", selector, err)
	}
	return nil
}

// validateSeen refuses a selector that matches on an empty page, such as body or
// html:not(.member). A portal that fails may send an empty page to a signed-in user.
func validateSeen(selector string) error {
	sel, err := cascadia.ParseGroup(selector)
	page, _ := html.Parse(strings.NewReader("")) // reading fails never
	if err == nil && cascadia.Query(page, sel) != nil {
		return wrong("", "html %q matches an empty page; want an element that only such a response has, for example form.login", selector)
	}
	return nil
}

func validateRegex(expression string) error {
	re, err := regexp.Compile(expression)
	if err != nil {
		return wrong("", "regex %q does not compile: %v; want Go's syntax (RE2)", expression, err)
	}
	if re.MatchString("") {
		return wrong("", "regex %q matches an empty page; want one that needs text", expression)
	}
	return nil
}

// validateGroup accepts a regular expression with exactly one capturing group.
func validateGroup(expression string) error {
	if err := validateRegex(expression); err != nil {
		return err
	}
	if n := regexp.MustCompile(expression).NumSubexp(); n != 1 {
		return wrong("", "regex %q has %d groups; want exactly one, around the value: \"id\": ?([0-9]+)", expression, n)
	}
	return nil
}

// validateJSONPath accepts keys separated by dots. A dot before the first key is allowed; a dot
// within a key is written \.
func validateJSONPath(p string) error {
	keys := strings.Split(strings.ReplaceAll(strings.TrimPrefix(p, "."), `\.`, "-"), ".")
	if slices.Contains(keys, "") {
		return wrong("", "json %q is not a path; want keys with dots between, for example user.id or users.#.id", p)
	}
	return nil
}
