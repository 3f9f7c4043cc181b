package caddyplugin

import (
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/caddyplugin/caddyfile"
	"github.com/secondgate/secondgate/internal/directive"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("two_factor_admin", parseStaff)
	// After all authentications and after two_factor, which is ordered after forward_auth.
	httpcaddyfile.RegisterDirectiveOrder("two_factor_admin", httpcaddyfile.Before, "request_header")
}

// staffRows are the subdirectives of two_factor_admin.
var staffRows = directive.Rows{
	{Field: "Realms", Usage: "realm NAME...", Otherwise: "all of this server",
		Doc: "The realms with users to show. JSON: `realms`."},
	{Field: "Staff", Usage: "staff {PLACEHOLDER}", Default: "{http.auth.user.id}", Check: directive.Valid(checkStaff),
		Doc: "The placeholder with the name of the signed-in member of staff."},
	{Field: "Act", Usage: "act NAME|@MATCHER|*...", Otherwise: "no one",
		Doc: "The staff who may change users."},
	{Field: "View", Usage: "view NAME|@MATCHER|*...", Otherwise: "all who are authenticated",
		Doc: "The staff who may see users."},
}

// parseStaff reads a two_factor_admin directive.
func parseStaff(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	r, s := caddyfile.OfHandler(h, "two_factor_admin"), new(StaffHandler)
	if err := r.Read(staffRows, s); err != nil {
		return nil, err
	}
	return s, r.Locate(staffRows.Check(s))
}

// ReadArguments reads names of staff, named matchers (@name), and * for all staff.
func (s *StaffRule) ReadArguments(line directive.Line) error {
	if len(line.Args) == 0 {
		return directive.ErrArguments
	}
	for _, word := range line.Args {
		if err := s.add(word, line); err != nil {
			return err
		}
	}
	return nil
}

func (s *StaffRule) add(word string, line directive.Line) error {
	switch {
	case word == "":
		return directive.Problemf("an empty name; want names of staff, @MATCHER or *")
	case word == "*":
		s.Everybody = true
	case strings.HasPrefix(word, "@"):
		set, _, err := line.Matcher(word)
		if err != nil {
			return directive.Problemf("%w; want a matcher that this site defines", err)
		}
		s.Match = append(s.Match, set)
	case strings.HasPrefix(word, "/"):
		return directive.Problemf("%q is a path; want names of staff, @MATCHER or *", word)
	default:
		s.Names = append(s.Names, word)
	}
	return nil
}
