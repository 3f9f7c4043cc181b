package caddyplugin

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/server"
)

// engines holds what is open, by the place of the store, across reloads of the
// configuration: Caddy provisions the new configuration before it stops the old one.
var engines = pool{caddy.NewUsagePool()}

// pool implements server.Pool.
type pool struct{ shared *caddy.UsagePool }

// shared is an engine in Caddy's pool.
type shared struct{ *server.Engine }

// Destruct closes the engine, and remembers for the end of the process that it could not.
func (s shared) Destruct() error {
	err := s.Close()
	if err != nil {
		why := err.Error()
		unclean.Store(&why)
	}
	return err
}

// Join implements server.Pool.
func (p pool) Join(place string, open func() (*server.Engine, error)) (*server.Engine, error) {
	val, _, err := p.shared.LoadOrNew(place, func() (caddy.Destructor, error) {
		e, err := open()
		return shared{e}, err
	})
	if err != nil {
		return nil, err
	}
	return val.(shared).Engine, nil
}

// Leave implements server.Pool.
func (p pool) Leave(place string) error {
	_, err := p.shared.Delete(place)
	return err
}

// All implements server.Pool.
func (p pool) All() (open []*server.Engine) {
	p.shared.Range(func(_, val any) bool {
		if s, ok := val.(shared); ok {
			open = append(open, s.Engine)
		}
		return true
	})
	return open
}
