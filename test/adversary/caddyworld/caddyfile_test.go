package caddyworld

import (
	"fmt"
	"strings"
)

const basicLines = `basic_auth {
victim $2a$04$K3t3QHHN0xRsTT/71VsE6u4qeL7S2LwBDLzntFQxF.x1Poiy1fh8y
mallory $2a$04$VgJgUllu7Sj.cSSU5Gt7u.rYrXMde5nSZ7pJVKFkGP9M/zl4P2MP.
mallet $2a$04$0qniaCkyTiqJu8c853vb4.lOgQHhAiEPIMPrMT7ZzW8RCcXMCiMO6
}
`

// source is the placeholder of what the user shows.
func (g *gated) source() string {
	switch g.site.First {
	case "basic":
		return "{http.auth.user.id}"
	case "cert":
		return "{http.request.tls.client.san.dns_names.0}"
	case "key":
		return "{header.X-Key}"
	case "query":
		return "{query.key}"
	case "account":
		return "{header.X-Account}"
	}
	return ""
}

// who returns the placeholder of the user, and the lines that it requires before the gate. The
// lines must be in a `route`, in this order, if ordered is set.
func (g *gated) who() (placeholder, before string, ordered bool) {
	switch source := g.source(); {
	case source == "":
		return "", "", false
	case g.via == "plain":
		return source, "", false
	case g.via == "map" || g.via == "" && (g.site.First == "key" || g.site.First == "query"):
		return "{who}", "map " + source + " {who} {\n~^(?:key-)?(\\w+)$ ${1}\ndefault \"\"\n}\n", false
	case g.via == "vars" && g.site.First != "key" && g.site.First != "query":
		return "{vars.who}", "vars who " + source + "\n", true
	case g.via == "":
		return source, "", false
	}
	return "{re.who.1}", "vars @who seen yes\n", true
}

// named writes the site's matchers.
func (g *gated) named(int) string {
	var out strings.Builder
	if placeholder, _, _ := g.who(); placeholder == "{re.who.1}" {
		if g.site.First == "key" {
			out.WriteString("@who header_regexp who X-Key ^key-(\\w+)$\n")
		} else {
			out.WriteString("@who vars_regexp who " + g.source() + " ^(?:key-)?(\\w+)$\n")
		}
	}
	for _, r := range g.rules {
		if r.body != "" {
			out.WriteString("@" + r.list + " {\n" + r.body + "\n}\n")
		}
	}
	return out.String()
}

// first is the authenticator before the gate.
func (g *gated) first() string {
	switch g.site.First {
	case "basic":
		return basicLines
	case "account":
		return "forward_auth " + g.portal() + " {\nuri /verify\ncopy_headers X-Account\n}\n"
	}
	return ""
}

// block writes what the site does with a request.
func (g *gated) block() string {
	who, before, ordered := g.who()
	proxy := "reverse_proxy " + g.portal() + "\n"
	switch {
	case g.sink == "request_header":
		proxy = "request_header X-Remote-User " + who + "\n" + proxy
	case who != "":
		proxy = "reverse_proxy " + g.portal() + " {\nheader_up X-Remote-User " + who + "\n}\n"
	}
	lead := g.interceptor() + strings.Join(g.extras, "\n") + "\n" + g.triggerBefore() + g.first() + before + g.gate(who)
	shape := g.shape
	ordered = ordered || g.around != ""
	if ordered && shape != "handle_path" {
		shape = "route"
	}
	trigger := g.triggerLines()
	switch shape {
	case "route":
		return "route {\n" + lead + trigger + proxy + "}\n"
	case "handle":
		return "handle {\n" + lead + trigger + proxy + "}\n"
	case "handle_path":
		body := lead + trigger + proxy
		if ordered {
			body = "route {\n" + body + "}\n"
		}
		return "handle_path " + g.prefix + "/* {\n" + body + "}\n"
	case "handles":
		return lead + trigger + "handle /static/* {\n" + proxy + "}\nhandle {\n" + proxy + "}\n"
	}
	return lead + trigger + proxy
}

// gate writes the directive itself.
func (g *gated) gate(who string) string {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	line("two_factor {")
	if g.site.Realm != "" {
		line("realm %s", g.site.Realm)
	}
	if g.prefix != "" {
		line("path %s/two-factor", g.prefix)
	}
	if g.sink == "user" {
		line("user %s", who)
	} else {
		line("%s", whoamiLines)
	}
	if g.always {
		line("require always")
	}
	if g.signIn != "" {
		line("%s", g.signIn)
	}
	for _, r := range g.rules {
		args := " @" + r.list
		if r.body == "" {
			args = " " + r.place.prefix + r.place.path
		}
		if r.list == "guest" {
			args += " /login"
		}
		line("%s%s", r.list, args)
	}
	if g.recheck != "" {
		line("%s", g.recheck)
	}
	line("}")
	return out.String()
}

// interceptor is a handler before the gate that answers in place of responses of a status.
func (g *gated) interceptor() string {
	send := "reverse_proxy " + g.portal() + "\n"
	switch g.around {
	case "":
		return ""
	case "rewritten":
		send = "rewrite * /nope\n" + send
	}
	return "intercept {\n@away status 4xx 5xx\nhandle_response @away {\n" + send + "}\n}\n"
}

func (g *gated) triggerBefore() string {
	if g.trigger == "body" {
		return "request_body {\nmax_size 20\n}\n"
	}
	return ""
}

// triggerLines make the error behind the gate.
func (g *gated) triggerLines() string {
	switch g.trigger {
	case "dead":
		return "handle /dead* {\nreverse_proxy DEAD\n}\n"
	case "error":
		return "handle /broken* {\nerror 500\n}\n"
	}
	return ""
}

func (g *gated) errorLines() string {
	if g.errors == "" {
		return ""
	}
	return "handle_errors {\n" + strings.ReplaceAll(g.errors, "PORTAL", g.portal()) + "\n}\n"
}
