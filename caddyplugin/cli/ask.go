package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/server"
)

// serverFlags adds the flags that name the running server's admin endpoint.
func serverFlags(cmd *cobra.Command) {
	cmd.Flags().String("address", "", "address of the server's admin endpoint (default: as in --config, else $CADDY_ADMIN, the socket /run/secondgate/admin.sock, or localhost:2019)")
	cmd.Flags().StringP("config", "c", "", "configuration file to find the admin endpoint in")
	cmd.Flags().StringP("adapter", "a", "", "adapter for that file, if it is no Caddyfile")
}

// endpoint is the admin endpoint of a running server. Its methods send requests to
// [admin.API].
type endpoint struct{ address string }

func serverOf(cmd *cobra.Command) (endpoint, error) {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	address, err := adminAddress(flags.String("address"), flags.String("config"), flags.String("adapter"))
	if err != nil {
		return endpoint{}, wrongInput(cmd, fmt.Errorf("finding the admin endpoint: %w", err))
	}
	return endpoint{address}, nil
}

// ask sends a request, with body as JSON unless it is nil, and returns the body of the
// answer; the caller closes it. A status of 400 or above is an error with the server's text.
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

// send sends one request with a body of the media type kind, and returns as ask does.
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

// unreached returns the error for an address at which no server answers, or nil if the cause
// is another one. cause is the text of Caddy's error, which wraps nothing.
func unreached(address, cause string) error {
	switch {
	case !strings.Contains(cause, ": dial "):
		return nil
	case strings.Contains(cause, syscall.EACCES.Error()):
		return fmt.Errorf("the admin endpoint at %s is for root and the server's user only: run this as one of them (%s)", address, cause)
	}
	return fmt.Errorf("no server answers at %s: start it, since it holds the store; if it runs with another admin endpoint, name that with --address or --config, and if it has `admin off`, give it one (%s)", address, cause)
}

// maxReport is the maximum size that is read of any answer, in bytes.
const maxReport = 64 << 20

// answer sends a request as ask does, and decodes the JSON answer into out. It reads
// maxReport bytes at most.
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

// asked sends a request to the server that the command's flags name, and returns the decoded
// answer.
func asked[T any](cmd *cobra.Command, method, path string, body any) (answer T, err error) {
	srv, err := serverOf(cmd)
	if err == nil {
		err = srv.answer(method, path, body, &answer)
	}
	return answer, err
}

// parameters returns the flags with these names that are set, as parameters of a request.
func parameters(cmd *cobra.Command, names ...string) url.Values {
	flags, q := caddycmd.Flags{FlagSet: cmd.Flags()}, url.Values{}
	for _, name := range names {
		if v := flags.String(name); v != "" {
			q.Set(name, v)
		}
	}
	return q
}

// plainly returns the server's error as a refusal. Caddy's error contains the server's answer,
// {"error": "…"}, within a longer text; plainly extracts it. Other errors are returned as they
// are.
func plainly(err error) error {
	_, raw, found := strings.Cut(err.Error(), "{")
	var said struct{ Error string }
	if found && json.Unmarshal([]byte("{"+raw), &said) == nil && said.Error != "" {
		return saidNo{errors.New(said.Error), err.Error()}
	}
	return err
}

// show prints the result of a command: as JSON with the flag --json, otherwise by print.
func show[T any](cmd *cobra.Command, result T, print func(io.Writer, T) error) error {
	if (caddycmd.Flags{FlagSet: cmd.Flags()}).Bool("json") {
		return printJSON(cmd.OutOrStdout(), result)
	}
	return print(cmd.OutOrStdout(), result)
}

// printJSON writes the result of a command as indented JSON, for the flag --json.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
