package admin

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/server"
)

// SocketRemedy tells the operator how to make the admin endpoint private. Errors and a
// warning at start end with it.
const SocketRemedy = "in the Caddyfile's global options write `admin unix//run/secondgate/admin.sock|0600` (the shipped systemd unit has that socket without any option); or, if nothing else runs on this machine, `admin_api tcp` in the option two_factor"

var (
	errOverTCP    = errors.New("over TCP, where every process of the machine may ask, the admin API neither acts nor exports secrets: " + SocketRemedy)
	errOpenSocket = errors.New("every user of the machine may open the socket of the admin endpoint, so the admin API neither acts nor exports secrets: give it the mode 0600, as in `admin unix//run/secondgate/admin.sock|0600`")
)

// guarded calls mayAct before each request that is not a GET or HEAD, because these change
// users, export secrets or make a backup. API.Routes applies it to every route. A GET must
// therefore never change anything or return secrets.
func guarded(route caddy.AdminRoute) caddy.AdminRoute {
	serve := route.Handler
	route.Handler = caddy.AdminHandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			s, err := running()
			if err != nil { // it is not known yet what the configuration allows
				return unavailable(err)
			}
			if err := mayAct(s, r); err != nil {
				return caddy.APIError{HTTPStatus: http.StatusForbidden, Err: err}
			}
		}
		return serve.ServeHTTP(w, r)
	})
	return route
}

// mayAct returns an error unless the request came by one of three ways: over a Unix socket
// that other users of the machine can't open; over Caddy's remote administration, which
// authenticates clients by certificate; or over TCP if the configuration has `admin_api tcp`.
func mayAct(s *server.Server, r *http.Request) error {
	if s.AdminOverTCP {
		return nil
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		return nil
	}
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil || !strings.HasPrefix(local.Network(), "unix") {
		return errOverTCP
	}
	info, err := os.Stat(local.String())
	if err != nil { // an abstract socket has no mode
		return fmt.Errorf("%w (%v)", errOpenSocket, err)
	}
	if info.Mode().Perm()&0o002 != 0 {
		return errOpenSocket
	}
	return nil
}
