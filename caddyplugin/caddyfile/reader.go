// Package caddyfile reads Secondgate's directives from a Caddyfile, by the rows of
// package directive. Package caddyplugin registers the directives and makes handlers of
// what is read here.
//
// Every error names the file, the line, and what is expected there. Placeholders are kept as
// they are written; the server resolves them when it loads the configuration.
package caddyfile

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/directive"
)

// Site reads a two_factor directive. It also validates the settings, because only here the
// file and line of each setting are known.
func Site(h httpcaddyfile.Helper) (site config.Site, err error) {
	r := OfHandler(h, "two_factor")
	if err := r.Read(config.SiteRows, &site); err != nil {
		return site, err
	}
	_, err = site.Resolved()
	return site, r.Locate(err)
}

// Reader reads one directive or global option.
type Reader struct {
	*caddyfile.Dispenser
	// Custom has a function for each subdirective that no row can describe, by its name. It
	// reads the arguments and the block.
	Custom map[string]func() error

	name    string
	matcher matcherOf
	// where maps the path of a setting, as directive.Error.Where has it, to its token, from
	// which Locate takes the file and line.
	where map[string]caddyfile.Token
}

// OfHandler returns a Reader for the directive of a handler, which takes no argument but a
// matcher.
func OfHandler(h httpcaddyfile.Helper, name string) *Reader {
	return &Reader{Dispenser: h.Dispenser, name: name, matcher: matchersOf(h)}
}

// OfGlobal returns a Reader for a global option.
func OfGlobal(d *caddyfile.Dispenser, name string) *Reader {
	return &Reader{Dispenser: d, name: name}
}

// Read reads the directive's block into settings, a pointer to a struct. It does not validate
// the values.
func (r *Reader) Read(rows directive.Rows, settings any) error {
	r.Next()
	r.where = map[string]caddyfile.Token{"": r.Token()}
	if args := strings.Join(r.RemainingArgs(), " "); args != "" && r.matcher == nil {
		return r.Errf("the global option %s takes no argument; %q belongs into a block", r.name, args)
	} else if args != "" {
		return r.Errf("%s takes no argument but a matcher; %q belongs into a block: %[1]s { … }", r.name, args)
	}
	if err := r.block("", r.name, rows, reflect.ValueOf(settings).Elem()); err != nil {
		return err
	}
	if r.Next() {
		return r.Errf("unexpected %q after the block of %s; want one subdirective a line", r.Val(), r.name)
	}
	return nil
}

// block reads a block into the struct into. path is the path of the block's settings, owner
// the subdirective that the block belongs to. A word that is in no row, or is given twice, is
// an error.
func (r *Reader) block(path, owner string, rows directive.Rows, into reflect.Value) error {
	last := owner
	for nesting := r.Nesting(); r.NextBlock(nesting); {
		name := r.Val()
		row, ok := rows.Find(name)
		if !ok {
			return r.unknown(name, last, owner, rows)
		}
		where := directive.Join(path, name)
		if earlier, again := r.where[where]; again && !row.Many(into) {
			return r.Errf("%s is given again, after line %d; want it once (a list takes all its values on one line)", name, earlier.Line)
		}
		r.where[where] = r.Token()
		if err := r.row(path, row, into); err != nil {
			return r.explain(err, row)
		}
		last = name
	}
	return nil
}

// row reads one subdirective with its block.
func (r *Reader) row(path string, row directive.Row, into reflect.Value) error {
	if read, ok := r.Custom[row.Name()]; ok && path == "" {
		return read()
	}
	at := r.Token()
	place, err := row.Read(into, directive.Line{Args: r.RemainingArgs(), Block: r.opensBlock(), Matcher: r.matcher})
	where := directive.Join(path, row.Name())
	if place.Element != "" {
		where += "." + place.Element
	}
	if place.Inside {
		path = where
	}
	r.where[where] = at
	if err != nil || len(row.Block) == 0 {
		return err
	}
	return r.block(path, row.Name(), row.Block, place.Block)
}

func (r *Reader) opensBlock() bool {
	if !r.Next() {
		return false
	}
	opens := r.Val() == "{"
	r.Prev()
	return opens
}

// explain adds the subdirective, its usage, the file and the line to err. An error that an
// inner block has already explained is returned unchanged.
func (r *Reader) explain(err error, row directive.Row) error {
	var here directive.Problem
	switch {
	case errors.Is(err, directive.ErrArguments) && row.Secret:
		return r.Errf("%s: wrong arguments; want: %s", row.Name(), row.Wanted())
	case errors.Is(err, directive.ErrArguments):
		return r.Errf("%s: wrong arguments near %q; want: %s", row.Name(), r.Val(), row.Wanted())
	case errors.As(err, &here):
		return r.Errf("%s: %w", row.Name(), here.Cause)
	}
	return err
}

// Locate adds file and line to err: those of the setting that err is about, of the nearest
// block around it that the Caddyfile has, or else of the directive.
func (r *Reader) Locate(err error) error {
	if err == nil {
		return nil
	}
	var bad *directive.Error
	path := ""
	if errors.As(err, &bad) {
		path = bad.Where
	}
	for path != "" {
		if _, ok := r.where[path]; ok {
			break
		}
		path = path[:max(strings.LastIndexByte(path, '.'), 0)]
	}
	return tokenError(r.where[path], "%w", err)
}

// Given returns the place of a subdirective as file:line, or "" if the Caddyfile lacks it.
func (r *Reader) Given(path string) string {
	if token, ok := r.where[path]; ok {
		return token.File + ":" + strconv.Itoa(token.Line)
	}
	return ""
}

// matcherOf returns the matcher set that a word stands for; see [directive.Line].
type matcherOf = func(word string) (map[string]json.RawMessage, bool, error)

// matchersOf returns a matcherOf for paths and for the named matchers of the site (@name).
func matchersOf(h httpcaddyfile.Helper) matcherOf {
	return func(word string) (map[string]json.RawMessage, bool, error) {
		h.Dispenser = caddyfile.NewDispenser([]caddyfile.Token{{Text: word}})
		return h.MatcherToken()
	}
}
