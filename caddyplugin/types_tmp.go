package caddyplugin

import (
	"encoding/json"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/secondgate/secondgate/config"
)

// Stand-ins, so that the Caddyfile compiles before the handler, the app and the
// storage module are there; to be replaced by handler.go, app.go and storage.go.

func init() {
	caddy.RegisterModule(Handler{})
	caddy.RegisterModule(Badger{})
}

type Handler struct {
	config.Site
}

func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.two_factor", New: func() caddy.Module { return new(Handler) }}
}

func (*Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return next.ServeHTTP(w, r)
}

type App struct {
	StorageRaw json.RawMessage `json:"storage,omitempty" caddy:"namespace=two_factor.storage inline_key=engine"`
	Key        string          `json:"key,omitempty"`
}

type Badger struct {
	Directory string `json:"directory,omitempty"`
}

func (Badger) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "two_factor.storage.badger", New: func() caddy.Module { return new(Badger) }}
}

func (b *Badger) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		b.Directory = d.Val()
	}
	if d.NextArg() || d.NextBlock(0) {
		return d.Errf("storage badger: unexpected %q; want: storage badger [DIR]", d.Val())
	}
	return nil
}
