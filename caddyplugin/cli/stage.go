package cli

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/caddyplugin/storage"
	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/onboard/check"
	"github.com/secondgate/secondgate/internal/server"
	"github.com/secondgate/secondgate/internal/store"
)

// stage runs the operator's site for a rehearsal: in this process, on loopback addresses, with
// its own store and key in a temporary directory. It implements what check.Run needs.
type stage struct {
	*whoamiWatch
	dir, token   string
	realm        string
	site         foundSite
	gate, portal string // addresses on loopback: the site with two_factor, and without it
	// settle replaces the operator's setting `settle` if it is not 0.
	settle time.Duration
}

// startStage starts the site. It does not affect the operator's server if that runs: the
// stage has no admin endpoint, and uses neither the server's ports, certificates nor store.
func startStage(s foundSite, realm string) (st *stage, err error) {
	registerRehearsal()
	dir, err := os.MkdirTemp("", "secondgate-check-")
	if err != nil {
		return nil, fmt.Errorf("making a place for the rehearsal's store: %w", err)
	}
	st = &stage{whoamiWatch: new(whoamiWatch), dir: dir, token: rand.Text(), realm: realm, site: s}
	rehearsals.Store(st.token, st.whoamiWatch)
	defer func() {
		if err != nil {
			_ = st.stop()
		}
	}()
	return st, st.load()
}

// load loads the site's configuration into Caddy, with new loopback addresses each time. With
// the old addresses, requests could still reach the replaced server, which Caddy closes only
// after a while, and their connections would be reset.
func (st *stage) load() (err error) {
	if st.gate, st.portal, err = twoAddresses(); err != nil {
		return err
	}
	raw, err := json.Marshal(st.config())
	if err != nil {
		return fmt.Errorf("writing the rehearsal's configuration: %w", err)
	}
	if err := caddy.Load(raw, true); err != nil {
		return fmt.Errorf("the site does not start: %w", err)
	}
	return nil
}

// Settle loads the site again with this setting `settle`, so that check.Run waits less.
func (st *stage) Settle(d time.Duration) error {
	st.settle = d
	return st.load()
}

// stop stops Caddy and removes the temporary directory.
func (st *stage) stop() error {
	err := caddy.Stop()
	rehearsals.Delete(st.token)
	return errors.Join(err, os.RemoveAll(st.dir))
}

// twoAddresses returns two loopback addresses with free ports.
func twoAddresses() (a, b string, err error) {
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", "", fmt.Errorf("no port on loopback for the rehearsal: %w", err)
		}
		defer func() { _ = listeners[i].Close() }()
	}
	return listeners[0].Addr().String(), listeners[1].Addr().String(), nil
}

func (st *stage) config() object {
	return object{
		"admin":   object{"disabled": true, "config": object{"persist": false}},
		"storage": object{"module": "file_system", "root": filepath.Join(st.dir, "caddy")},
		"logging": object{"logs": object{
			"default": object{"level": "PANIC"}, // this log goes to standard error
			"rehearsal": object{
				"level": "DEBUG", "writer": object{"output": "file", "filename": st.logFile()}, "encoder": object{"format": "json"},
			},
		}},
		"apps": object{
			"http": object{"servers": object{
				"gate":   st.server(st.gate, st.gated),
				"portal": st.server(st.portal, ungated),
			}},
			"two_factor": object{"storage": storage.InDirectory(filepath.Join(st.dir, "two_factor"))},
		},
	}
}

func (st *stage) logFile() string { return filepath.Join(st.dir, "log.json") }

// server returns the configuration of the operator's server with this site as its only route,
// on a loopback address without TLS. change is applied to each handler. The first route is
// the rehearsalHandler that admits only the rehearsal's requests.
func (st *stage) server(address string, change func(object) []any) object {
	server := copied(st.site.server)
	for _, own := range []string{"listener_wrappers", "packet_conn_wrappers", "tls_connection_policies", "logs", "strict_sni_host", "metrics", "tracing"} {
		delete(server, own)
	}
	server["listen"] = []any{address}
	server["protocols"] = []any{"h1"}
	server["automatic_https"] = object{"disable": true}
	front := object{"handle": []any{object{"handler": "two_factor_rehearsal", "token": st.token}}}
	server["routes"] = []any{copied(st.site.route)}
	eachHandler(server, change)
	server["routes"] = append([]any{front}, list(server["routes"])...)
	return server
}

// gated changes handlers for the server with the gate. It removes settings of two_factor that
// would disturb the rehearsal: throttle, because it makes many attempts; mode, because
// `observe` would refuse nothing; enrol_mail, because it sends no mails. It adds a
// rehearsalHandler behind the gate, which records whoami.
func (st *stage) gated(h object) []any {
	if h["handler"] != "two_factor" {
		return []any{h}
	}
	delete(h, "throttle")
	delete(h, "mode")
	delete(h, "admin")
	delete(h, "enrol_mail") // a rehearsal sends no mails
	if st.settle > 0 {
		h["settle"] = config.Duration(st.settle).String()
	}
	return []any{h, object{"handler": "two_factor_rehearsal", "token": st.token, "behind": true}}
}

// ungated removes two_factor, for the server that check uses to reach the portal directly.
func ungated(h object) []any {
	if h["handler"] == "two_factor" {
		return nil
	}
	return []any{h}
}

// Gate and Portal return transports that send requests to the site, with two_factor and
// without it.
func (st *stage) Gate() http.RoundTripper {
	return st.way(func() string { return st.gate })
}
func (st *stage) Portal() http.RoundTripper {
	return st.way(func() string { return st.portal })
}

func (st *stage) way(address func() string) http.RoundTripper {
	return &loopback{address: address, token: st.token, site: st.site, transport: &http.Transport{DisableKeepAlives: true}}
}

// loopback is a transport that sends requests for the site to the rehearsal's server, with
// the rehearsal's token.
type loopback struct {
	address   func() string
	token     string
	site      foundSite
	transport *http.Transport
}

// RoundTrip returns an error for requests to other hosts. If a portal signs in at another
// host, the rehearsal must not send test passwords to that public site.
func (l *loopback) RoundTrip(r *http.Request) (*http.Response, error) {
	if len(l.site.hosts) > 0 && !l.site.hasHost(r.URL.Hostname()) {
		return nil, fmt.Errorf("the portal leads to %s, which is not the site that is rehearsed (%s)", r.URL.Hostname(), strings.Join(l.site.hosts, ", "))
	}
	out := r.Clone(r.Context())
	if out.Host == "" {
		out.Host = r.URL.Host
	}
	if r.URL.Scheme == "https" {
		out.Header.Set("X-Forwarded-Proto", "https")
	}
	out.Header.Set(tokenHeader, l.token)
	out.URL.Scheme, out.URL.Host = "http", l.address()
	return l.transport.RoundTrip(out)
}

// Users returns the ids of all users in the stage's store: those that whoami has named.
func (st *stage) Users(ctx context.Context) (ids []string, err error) {
	app, err := ours()
	if err != nil {
		return nil, err
	}
	page, err := app.Server().Store().Users(ctx, store.UserQuery{Realm: st.realm, Limit: 1000})
	for _, u := range page.Users {
		ids = append(ids, u.Key.ID)
	}
	return ids, err
}

// Spreads returns the proxies behind the gate that may send requests of one visitor to several
// upstreams.
func (st *stage) Spreads() []check.Spread {
	app, err := ours()
	if err != nil {
		return nil
	}
	return app.Spreads("gate")
}

// runningApp has the methods of caddyplugin.App that the stage calls. Importing that package
// would be a cycle.
type runningApp interface {
	Server() *server.Server
	// Spreads returns the proxies behind the gates of the server with this name that may send
	// requests of one visitor to several upstreams.
	Spreads(name string) []check.Spread
}

// ours returns the app two_factor of the active configuration.
func ours() (runningApp, error) {
	mod, err := caddy.ActiveContext().AppIfConfigured("two_factor")
	if err != nil {
		return nil, fmt.Errorf("finding the app two_factor: %w", err)
	}
	return mod.(runningApp), nil
}

// Log returns the log entries of the gate, and the errors of handlers behind it.
func (st *stage) Log() (entries []check.Entry, err error) {
	f, err := os.Open(st.logFile())
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e check.Entry
		if json.Unmarshal(lines.Bytes(), &e) == nil && (strings.HasSuffix(e.Logger, "two_factor") || e.Logger == check.ErrorLogger) {
			entries = append(entries, e)
		}
	}
	return entries, lines.Err()
}
