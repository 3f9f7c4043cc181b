package caddyplugin

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/internal/portal/route"
)

// drainTime is the longest time that an error route waits for a client that still sends a
// body.
const drainTime = 2 * time.Second

// strip removes all credentials from the request, in place. It becomes a GET without body,
// query, client certificate, authenticated user and the variables userVars; only harmless
// headers remain. After an error the server's error routes (`handle_errors`) get the request,
// and no gate checks what they forward to the portal.
//
// It is called twice. Handler.ServeHTTP strips requests that it returns an error for; this
// also protects error routes of a subroute. errorsHandler strips all others, because the
// request of the error routes may be another copy: forward_auth, tracing and other handlers
// pass on copies.
func strip(w http.ResponseWriter, r *http.Request, repl *caddy.Replacer, userVars []string) {
	closeBody(w, r)
	bare(r, repl, userVars)
}

// bare is strip without closing the body.
func bare(r *http.Request, repl *caddy.Replacer, userVars []string) {
	original := stripURLs(r)
	for name := range r.Header {
		if !harmless[name] {
			delete(r.Header, name)
		}
	}
	clear(r.Trailer)
	stripPlaceholders(repl, original)
	if vars, ok := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any); ok {
		for _, name := range userVars {
			delete(vars, name)
		}
	}
	bare := r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, original))
	bare.Method, bare.Body, bare.ContentLength, bare.TransferEncoding = http.MethodGet, http.NoBody, 0, nil
	bare.RequestURI, bare.TLS = original.RequestURI, anonymous(r.TLS)
	bare.Form, bare.PostForm, bare.MultipartForm, bare.Trailer = nil, nil, nil, nil
	*r = *bare
}

// bareWithout returns bare as a function of the request alone, for gateway.Options.Bare.
func bareWithout(userVars []string) func(r *http.Request) {
	return func(r *http.Request) {
		repl, _ := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
		bare(r, repl, userVars)
	}
}

// harmless are the headers that strip keeps. Error pages use them for language, format and the
// proxies in front. A portal recognises no user by them.
var harmless = map[string]bool{
	"Accept": true, "Accept-Charset": true, "Accept-Encoding": true, "Accept-Language": true, "Cache-Control": true, "Dnt": true,
	"Pragma": true, "Sec-Fetch-Dest": true, "Sec-Fetch-Mode": true, "Sec-Fetch-Site": true, "Sec-Fetch-User": true, "Sec-Gpc": true,
	"Traceparent": true, "Tracestate": true, "Upgrade-Insecure-Requests": true, "User-Agent": true, "Via": true,
	"X-Forwarded-For": true, "X-Forwarded-Host": true, "X-Forwarded-Port": true, "X-Forwarded-Proto": true, "X-Request-Id": true,
}

// closeBody closes the body, so that it can't be read through any copy of the request. Over
// HTTP/1, Close first reads up to 256 KiB from the client, for drainTime at most.
func closeBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody {
		return
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(drainTime)) == nil {
		defer func() { _ = control.SetReadDeadline(time.Time{}) }()
	}
	_ = r.Body.Close()
}

// stripURLs removes query and session ids from the request's URL and from that of the original
// request, which Caddy restores for the error routes. It returns the original request as a
// GET.
func stripURLs(r *http.Request) http.Request {
	stripURL(r.URL)
	original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request)
	if !ok {
		return http.Request{Method: http.MethodGet, RemoteAddr: r.RemoteAddr, URL: r.URL, RequestURI: r.URL.RequestURI()}
	}
	stripURL(original.URL)
	original.Method, original.RequestURI = http.MethodGet, original.URL.RequestURI()
	return original
}

func stripURL(u *url.URL) {
	route.StripSessionIDs(u, func(string) bool { return false })
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
}

// stripPlaceholders empties the placeholders that may still hold a credential. Caddy computes
// some of them from its own copy of the request, which strip can't change; a value that is set
// takes precedence over the computed one.
func stripPlaceholders(repl *caddy.Replacer, original http.Request) {
	if repl == nil {
		return
	}
	user := logOnly(repl)
	for _, prefix := range []string{"http.auth.", "http.regexp.", "http.url_pattern.", "http.matchers.file.", "http.reverse_proxy.header."} {
		repl.DeleteByPrefix(prefix)
	}
	if user != nil {
		repl.Set(userID, user)
	}
	for _, name := range emptied {
		repl.Set(name, "")
	}
	for _, name := range tlsClient {
		repl.Set("http.request.tls.client."+name, "")
	}
	repl.Set("http.request.method", original.Method)
	repl.Set("http.request.orig_method", original.Method)
	repl.Set("http.request.orig_uri", original.RequestURI)
}

var emptied = []string{
	"http.request.body", "http.request.body_base64", "http.request.orig_uri.query", "http.request.orig_uri.prefixed_query",
}

var tlsClient = []string{
	"fingerprint", "public_key", "public_key_sha256", "issuer", "serial", "subject", "certificate_pem", "certificate_der_base64",
	"san.dns_names", "san.dns_names.0", "san.emails", "san.emails.0", "san.ips", "san.ips.0", "san.uris", "san.uris.0",
}

// anonymous returns state without the client's certificate. It copies state, because all
// requests of the connection share it.
func anonymous(state *tls.ConnectionState) *tls.ConnectionState {
	if state == nil || len(state.PeerCertificates) == 0 {
		return state
	}
	bare := *state
	bare.PeerCertificates, bare.VerifiedChains = nil, nil
	return &bare
}

// logOnly returns the request's user as a value that only the access log can read; nil if
// there is no user.
func logOnly(repl *caddy.Replacer) *loggedUser {
	value, _ := repl.Get(userID)
	if user, ok := value.(*loggedUser); ok {
		return &loggedUser{repl: repl, id: user.id}
	}
	if id := caddy.ToString(value); id != "" {
		return &loggedUser{repl: repl, id: id}
	}
	return nil
}

// loggedUser is a value of the placeholder {http.auth.user.id}. When the access log reads it,
// it is id; otherwise it is before, the value from before the gate.
type loggedUser struct {
	repl       *caddy.Replacer
	before, id string
}

func (u *loggedUser) String() string {
	if _, logging := u.repl.Get("http.response.duration_ms"); logging { // Caddy sets this just before it writes the access log
		return u.id
	}
	return u.before
}
