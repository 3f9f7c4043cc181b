package caddyplugin

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/server"
)

// engines holds the open engines, by the place of their stores. At a reload Caddy provisions
// the new configuration before it stops the old one; both then share an engine.
var engines = pool{caddy.NewUsagePool()}

// pool implements server.Pool.
type pool struct{ shared *caddy.UsagePool }

// shared is an engine as an element of Caddy's pool.
type shared struct{ *server.Engine }

// Destruct closes the engine. Caddy's pool calls it after the last Leave. If closing fails, it
// sets unclean, so that the process ends with status 1.
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
