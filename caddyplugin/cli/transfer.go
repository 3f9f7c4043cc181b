package cli

import (
	"io"
	"net/url"
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/secondgate/secondgate/internal/transfer"
)

// addTransferFlags adds the flags that import and export share.
func addTransferFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringP("format", "f", transfer.CSV, "csv or jsonl")
	f.StringP("realm", "r", "", "realm of the users (may be left out where there is only one)")
	f.String("staff", "", "who does this, for the audit log (default: who is signed in here)")
	f.String("reason", "", "why, for the audit log")
	serverFlags(cmd)
}

// transferQuery returns the values of these flags as parameters of a request.
func transferQuery(flags caddycmd.Flags) (url.Values, error) {
	format := flags.String("format")
	if err := transfer.CheckFormat(format); err != nil {
		return nil, err
	}
	staff, err := whoActs(flags.String("staff"))
	if err != nil {
		return nil, err
	}
	return url.Values{
		"format": {format}, "realm": {flags.String("realm")}, "staff": {staff}, "reason": {flags.String("reason")},
	}, nil
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
