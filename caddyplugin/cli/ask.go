package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/server"
)

// serverFlags are those by which commands that ask the running server find it.
func serverFlags(cmd *cobra.Command) {
	cmd.Flags().String("address", "", "address of the server's admin endpoint (default: as in --config, else $CADDY_ADMIN, the socket /run/secondgate/admin.sock, or localhost:2019)")
	cmd.Flags().StringP("config", "c", "", "configuration file to find the admin endpoint in")
	cmd.Flags().StringP("adapter", "a", "", "adapter for that file, if it is no Caddyfile")
}

// endpoint is a running server's admin endpoint.
type endpoint struct{ address string }

func serverOf(cmd *cobra.Command) (endpoint, error) {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	address, err := adminAddress(flags.String("address"), flags.String("config"), flags.String("adapter"))
	if err != nil {
		return endpoint{}, wrongInput(cmd, fmt.Errorf("finding the admin endpoint: %w", err))
	}
	return endpoint{address}, nil
}

// ask sends a request with a body in JSON, if it is not nil, and returns the answer's,
// which the caller closes. What the server refuses is an error in the server's words.
func (s endpoint) ask(method, path string, body any) (answer io.ReadCloser, err error) {
	var raw []byte
	if body != nil {
		if raw, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		var in io.Reader
		if body != nil {
			in = bytes.NewReader(raw)
		}
		answer, err = s.send(method, path, "application/json", in)
		if err == nil || !strings.Contains(err.Error(), server.ErrNoSite.Error()) || time.Since(began) >= startTime {
			return answer, err
		}
	}
}

// startTime is how long a command waits for a server that answers but has no site with
// two_factor: Caddy serves a moment before it makes a configuration the active one.
const startTime = 2 * time.Second

// send is ask with a body of any kind.
func (s endpoint) send(method, path, kind string, body io.Reader) (io.ReadCloser, error) {
	res, err := caddycmd.AdminAPIRequest(s.address, method, path, http.Header{"Content-Type": {kind}}, body)
	if err == nil {
		return res.Body, nil
	}
	if none := unreached(s.address, err.Error()); none != nil {
		return nil, none
	}
	return nil, fmt.Errorf("the server at %s: %w", s.address, plainly(err))
}

// unreached is the error that no server answers at an address, nil if one did. Caddy keeps the
// text of the cause only.
func unreached(address, cause string) error {
	switch {
	case !strings.Contains(cause, ": dial "):
		return nil
	case strings.Contains(cause, syscall.EACCES.Error()):
		return fmt.Errorf("the admin endpoint at %s is for root and the server's user only: run this as one of them (%s)", address, cause)
	}
	return fmt.Errorf("no server answers at %s: start it, since it holds the store; if it runs with another admin endpoint, name that with --address or --config, and if it has `admin off`, give it one (%s)", address, cause)
}

// answer is ask for an answer in JSON of some megabytes at most.
func (s endpoint) answer(method, path string, body, out any) error {
	res, err := s.ask(method, path, body)
	if err != nil {
		return err
	}
	defer res.Close()
	if err := json.NewDecoder(io.LimitReader(res, maxReport)).Decode(out); err != nil {
		return fmt.Errorf("the server at %s answered something else than JSON: %w", s.address, err)
	}
	return nil
}

// plainly takes the server's sentence out of the JSON that Caddy wraps in its error.
func plainly(err error) error {
	_, raw, found := strings.Cut(err.Error(), "{")
	var said struct{ Error string }
	if found && json.Unmarshal([]byte("{"+raw), &said) == nil && said.Error != "" {
		return saidNo{errors.New(said.Error), err.Error()}
	}
	return err
}

// printJSON writes a command's result for programs.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
