package admin

import (
	"net/http"
	"runtime/debug"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/internal/server"
)

// statusRoute is the route for the state of the server as a whole.
//
//	GET /two_factor/status           server.Status
var statusRoute = caddy.AdminRoute{Pattern: "/two_factor/status", Handler: handle(serveStatus, http.MethodGet)}

func serveStatus(w http.ResponseWriter, r *http.Request, s *server.Server) error {
	status, err := s.Status(r.Context())
	if err != nil {
		return unavailable(err)
	}
	return answerJSON(w, http.StatusOK, status)
}

// Build returns the versions of Secondgate, Caddy and Go that this program was built from.
func Build() server.Build {
	const module = "github.com/secondgate/secondgate"
	caddys, _ := caddy.Version()
	b := server.Build{Version: "unknown", Caddy: caddys, Go: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version, b.Go = info.Main.Version, info.GoVersion
	for _, m := range info.Deps { // a Caddy built with this plugin has Secondgate as a dependency
		if m.Path == module {
			b.Version = m.Version
		}
	}
	return b
}
