package caddyworld

import (
	"fmt"
	"reflect"
	"strings"
)

// Case is a world and the steps in it: all that a regression needs.
type Case struct {
	Name    string
	Portals []Portal
	Sites   []Site
	// Caddyfile is what follows the global options. PORTALn stands for the address of
	// a portal, PORTn for a port of the gateway, DEAD for an address at which nothing
	// listens, CERTS for the directory of the certificates.
	Caddyfile string
	Steps     []Step
}

// Site is how the users of a site reach it.
type Site struct {
	// URL is the address without a slash at its end.
	URL    string
	Portal int
	// First is what users show to sign in: "" for the portal's form, "token" for its
	// GraphQL, or what Caddy looks at: "basic", "cert", "key", "query".
	First string
	// Realm is the realm of the site; the users have a second factor in each. Twin makes the
	// victim of this site another user of the same name, without a second factor.
	Realm string
	Twin  bool
}

// Step is one request, or a macro.
type Step struct {
	// By is "owner", or a browser of the attacker: "a", "b", "c".
	By string
	// Do is a macro: "enter" signs in and gives the code, "look" opens the page, "restart"
	// gives everybody a new browser. Otherwise the step is a request.
	Do   string
	Site int

	// Target is the path, below that of the site's address, and the query.
	Method, Target string
	// Header are lines "Name: value", in this order. TOKEN stands for the last token
	// that the attacker was shown.
	Header []string
	Body   string
	// As selects the user who shows a first factor where the site requires one: "" for the victim,
	// or "none", "mallory", "mallet".
	As string
	// Without drops the cookies at these places of the jar; From sends those of another
	// browser of the attacker.
	Without []int
	From    string
	HTTP2   bool
}

func (c Case) String() string { return literal(reflect.ValueOf(c), 1) }

// literal writes a value as Go, without what is zero.
func literal(v reflect.Value, depth int) string {
	indent := strings.Repeat("\t", depth)
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); strings.Contains(s, "\n") && !strings.Contains(s, "`") {
			return "`" + s + "`"
		}
		return fmt.Sprintf("%q", v.String())
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = literal(v.Index(i), depth+1)
		}
		if v.Type().Elem().Kind() != reflect.Struct {
			return v.Type().String() + "{" + strings.Join(items, ", ") + "}"
		}
		return "[]" + v.Type().Elem().Name() + "{\n" + indent + "\t" + strings.Join(items, ",\n"+indent+"\t") + ",\n" + indent + "}"
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				fields = append(fields, v.Type().Field(i).Name+": "+literal(f, depth))
			}
		}
		if depth == 1 {
			return "{\n\t" + strings.Join(fields, ",\n\t") + ",\n}"
		}
		return "{" + strings.Join(fields, ", ") + "}"
	}
	return fmt.Sprint(v.Interface())
}
