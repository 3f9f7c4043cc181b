package exempt

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"path"
	"regexp"
	"strings"

	"golang.org/x/net/idna"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// paths is the matcher `path`.
type paths route.Patterns

func compilePath(raw json.RawMessage, _ ClientIP) (condition, error) {
	list, err := decodeList(raw)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		_, bad := path.Match(p, "")
		switch {
		case !strings.HasPrefix(p, "/") && !strings.HasPrefix(p, "*"):
			return nil, fmt.Errorf("%q never matches; want it to begin with / or *", p)
		case !route.Simple(p):
			return nil, fmt.Errorf("%q is compared with the path as it was sent, and servers read that in several ways; want it decoded and with single slashes", p)
		case bad != nil:
			return nil, fmt.Errorf("%q is not a pattern: %w", p, bad)
		}
	}
	return paths(list), nil
}

func (p paths) holds(_ *http.Request, readings []string, i int, sure bool) bool {
	if sure {
		return route.Patterns(p).Surely(readings, i)
	}
	return route.Patterns(p).Maybe(readings[i])
}

// pathRegexp is the matcher `path_regexp`.
type pathRegexp struct{ exact, folded *regexp.Regexp }

func compilePathRegexp(raw json.RawMessage, _ ClientIP) (condition, error) {
	var m struct {
		Name    string `json:"name"`
		Pattern string `json:"pattern"`
	}
	if err := decode(raw, &m); err != nil {
		return nil, err
	}
	if m.Pattern == "" {
		return nil, errEmpty
	}
	exact, err := regexp.Compile(m.Pattern)
	if err != nil {
		return nil, err
	}
	folded, err := regexp.Compile("(?i)" + m.Pattern)
	return pathRegexp{exact, folded}, err
}

func (p pathRegexp) holds(_ *http.Request, readings []string, i int, sure bool) bool {
	cleaned := route.Clean(readings[i])
	if sure {
		return p.exact.MatchString(cleaned)
	}
	return p.folded.MatchString(cleaned) || p.folded.MatchString(strings.TrimRight(cleaned, "/"))
}

// hosts is the matcher `host`.
type hosts []string

func compileHost(raw json.RawMessage, _ ClientIP) (condition, error) {
	list, err := decodeList(raw)
	if err != nil {
		return nil, err
	}
	for i, h := range list {
		ascii, err := idna.ToASCII(h)
		if err != nil {
			return nil, fmt.Errorf("%q is not the name of a host: %w", h, err)
		}
		list[i] = strings.ToLower(ascii)
	}
	return hosts(list), nil
}

// holds treats a trailing dot, which some servers drop, as ambiguous.
func (h hosts) holds(r *http.Request, _ []string, _ int, sure bool) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]")
	}
	if !sure {
		host = strings.TrimSuffix(host, ".")
	}
	for _, pattern := range h {
		if sameHost(pattern, host) {
			return true
		}
	}
	return false
}

// sameHost compares two host names label by label; * in the pattern matches one whole label.
func sameHost(pattern, host string) bool {
	for {
		want, restWanted, moreWanted := strings.Cut(pattern, ".")
		got, rest, more := strings.Cut(host, ".")
		if want != "*" && !strings.EqualFold(want, got) || more != moreWanted {
			return false
		}
		if !more {
			return true
		}
		pattern, host = restWanted, rest
	}
}

// addresses are the matchers `remote_ip` and `client_ip`.
type addresses struct {
	ranges []addressRange
	of     ClientIP
}

type addressRange struct {
	prefix netip.Prefix
	zone   string
}

func compileRemoteIP(raw json.RawMessage, _ ClientIP) (condition, error) {
	return compileAddresses(raw, func(r *http.Request) string { return r.RemoteAddr })
}

func compileClientIP(raw json.RawMessage, clientIP ClientIP) (condition, error) {
	return compileAddresses(raw, clientIP)
}

func compileAddresses(raw json.RawMessage, of ClientIP) (condition, error) {
	var m struct {
		Ranges []string `json:"ranges"`
	}
	if err := decode(raw, &m); err != nil {
		return nil, err
	}
	if len(m.Ranges) == 0 {
		return nil, errEmpty
	}
	if err := literal(m.Ranges...); err != nil {
		return nil, err
	}
	a := addresses{of: of}
	for _, text := range m.Ranges {
		parsed, err := parseRange(text)
		if err != nil {
			return nil, fmt.Errorf("%q is not an address or a range: %w", text, err)
		}
		a.ranges = append(a.ranges, parsed)
	}
	return a, nil
}

// parseRange parses an address or a CIDR range; the address may be followed by a zone.
func parseRange(text string) (a addressRange, err error) {
	text, a.zone, _ = strings.Cut(text, "%")
	if strings.Contains(text, "/") {
		a.prefix, err = netip.ParsePrefix(text)
		return a, err
	}
	address, err := netip.ParseAddr(text)
	if err == nil {
		a.prefix = netip.PrefixFrom(address, address.BitLen())
	}
	return a, err
}

// holds treats an address as ambiguous if it can't be parsed, or if the request is TLS early
// data, with an address that may be forged.
func (a addresses) holds(r *http.Request, _ []string, _ int, sure bool) bool {
	if r.TLS != nil && !r.TLS.HandshakeComplete {
		return !sure
	}
	text := a.of(r)
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return !sure
	}
	zone := address.Zone()
	address = address.WithZone("")
	for _, known := range a.ranges {
		if (known.prefix.Contains(address) || known.prefix.Contains(address.Unmap())) && (known.zone == "" || known.zone == zone) {
			return true
		}
	}
	return false
}
