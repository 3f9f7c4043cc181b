package caddyworld

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"
)

// browser keeps cookies as browsers do, follows no redirect and sends any bytes.
type browser struct{ jar *cookiejar.Jar }

func newBrowser() *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{jar}
}

// page is what came back, with everything that was sent in all.
type page struct {
	status int
	header http.Header
	body   string
	all    string
}

// lines are the connections to the gateway that is loaded.
type lines struct {
	certs map[string]tls.Certificate
	roots *tls.Config
	open  map[string]*http.Transport
}

// transport is a connection of its own per certificate and protocol.
func (l *lines) transport(cert string, http2 bool) *http.Transport {
	key := cert
	if http2 {
		key += " h2"
	}
	if t := l.open[key]; t != nil {
		return t
	}
	conf := l.roots.Clone()
	if c, ok := l.certs[cert]; ok {
		conf.Certificates = []tls.Certificate{c}
	}
	t := &http.Transport{
		TLSClientConfig: conf, ForceAttemptHTTP2: http2, DisableCompression: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(address)
			return new(net.Dialer).DialContext(ctx, network, "127.0.0.1:"+port)
		},
	}
	if !http2 {
		t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	l.open[key] = t
	return t
}

func (l *lines) close() {
	for _, t := range l.open {
		t.CloseIdleConnections()
	}
	l.open = map[string]*http.Transport{}
}

// send sends a step's request. from is the browser that the cookies are taken from.
func (l *lines) send(b, from *browser, site Site, base string, s Step) (page, error) {
	u, err := url.Parse(base)
	if err != nil {
		return page{}, err
	}
	target, err := url.ParseRequestURI(u.Path + s.Target)
	if err != nil {
		return page{}, err
	}
	u.Path, u.RawPath, u.RawQuery = target.Path, target.RawPath, target.RawQuery
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method(s), "http://unused/", strings.NewReader(s.Body))
	if err != nil {
		return page{}, err
	}
	r.URL, r.Host = u, u.Host
	if s.Body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	}
	setHeaders(r, u.Scheme+"://"+u.Host, s)
	cert := showFirst(r, site, s)
	setCookies(r, from, s)
	res, err := l.transport(cert, s.HTTP2).RoundTrip(r)
	if err != nil {
		return page{}, err
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	b.jar.SetCookies(u, res.Cookies())
	var all strings.Builder
	_ = res.Header.Write(&all)
	_ = res.Trailer.Write(&all)
	all.Write(body)
	return page{res.StatusCode, res.Header, string(body), all.String()}, nil
}

func method(s Step) string {
	switch {
	case s.Method != "":
		return s.Method
	case s.Body != "":
		return http.MethodPost
	}
	return http.MethodGet
}

// setHeaders sets the headers of a navigation, and then those of the step.
func setHeaders(r *http.Request, base string, s Step) {
	h := r.Header
	h.Set("User-Agent", "Test/1.0")
	h.Set("Accept", "text/html,*/*;q=0.8")
	h.Set("Sec-Fetch-Site", "same-origin")
	h.Set("Sec-Fetch-Mode", "navigate")
	h.Set("Sec-Fetch-Dest", "document")
	if s.Body != "" {
		h.Set("Origin", base)
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		if strings.HasPrefix(s.Body, "{") {
			h.Set("Content-Type", "application/json")
		}
	}
	own := make(map[string]bool)
	for _, line := range s.Header {
		name, value, _ := strings.Cut(line, ": ")
		name = http.CanonicalHeaderKey(name)
		if !own[name] {
			delete(h, name)
		}
		own[name] = true
		h.Add(name, value)
	}
}

// showFirst adds the factor that Caddy itself checks, and returns the certificate to connect with.
func showFirst(r *http.Request, site Site, s Step) (cert string) {
	user := s.As
	switch user {
	case "":
		user = "victim"
	case "none":
		return ""
	}
	switch site.First {
	case "basic", "account":
		if r.Header.Get("Authorization") == "" {
			r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password(user))))
		}
	case "cert":
		return user
	case "key":
		r.Header.Add("X-Key", "key-"+user)
	case "query":
		r.URL.RawQuery = strings.TrimPrefix(r.URL.RawQuery+"&key=key-"+user, "&")
	}
	return ""
}

func setCookies(r *http.Request, from *browser, s Step) {
	u := *r.URL
	if u.Path == "" {
		u.Path = "/"
	}
	var pairs []string
	for i, c := range from.jar.Cookies(&u) {
		if !slices.Contains(s.Without, i) {
			pairs = append(pairs, c.Name+"="+c.Value)
		}
	}
	if len(pairs) > 0 {
		r.Header["Cookie"] = []string{strings.Join(pairs, "; ")}
	}
}
