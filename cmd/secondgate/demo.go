package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/cli"
	"github.com/secondgate/secondgate/internal/demoportal"
)

var demoCommand = caddycmd.Command{
	Name:  "demo",
	Usage: "[--dir DIR] [--port PORT]",
	Short: "Starts a demo portal with Secondgate before it, on this machine only",
	Long: `
Starts the customer portal of a made-up hosting provider at 127.0.0.1:8081 and
Secondgate before it, with Caddyfile.example, at http://localhost:8080. Its support
desk, for staff, is at http://localhost:8082. Nothing of it can be reached from other
machines. Ctrl-C stops it. --port PORT takes PORT and the two ports after it instead.

DIR keeps what customers set up. Without --dir it is deleted at the end.

"demo code KEY" shows the current code for the key that the set-up page shows, for
those without an authenticator app.`,
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		dir := cmd.Flags().String("dir", "", "directory that keeps what customers set up")
		port := cmd.Flags().Int("port", demoPort, "port of the gateway; the portal and the support desk take the next two")
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			if *port < 1 || *port > 65533 {
				return cli.WrongUse(cmd, fmt.Errorf("--port %d: want a number from 1 to 65533; the two ports after it are taken too", *port))
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return demoAt(*dir, *port).run(ctx, cmd.OutOrStdout())
		}
		cmd.AddCommand(demoCodeCommand())
	},
}

// The addresses in Caddyfile.example.
const (
	gatewayAddress = "localhost:8080"
	portalAddress  = "127.0.0.1:8081"
	demoPort       = 8080
)

// demoAt returns the demo at a port and the two after it. The support desk, at the last one, is
// not in Caddyfile.example.
func demoAt(dir string, port int) demo {
	return demo{
		dir: dir, gateway: fmt.Sprintf("localhost:%d", port),
		portal: fmt.Sprintf("127.0.0.1:%d", port+1), desk: fmt.Sprintf("localhost:%d", port+2),
	}
}

// demo is the demo portal at the address portal, Secondgate before it at gateway, and the
// support desk at desk. An empty dir is a temporary one.
type demo struct {
	dir, gateway, portal, desk string
}

// run serves portal, gateway and support desk until the context ends. A temporary dir is
// removed; one that the user named is kept.
func (d demo) run(ctx context.Context, out io.Writer) (err error) {
	if err := d.portsFree(); err != nil {
		return err
	}
	demoQuiet.Store(true)
	if d.dir == "" {
		if d.dir, err = os.MkdirTemp("", "secondgate-demo-"); err != nil {
			return fmt.Errorf("making a place for the demo: %w", err)
		}
		defer func() { _ = os.RemoveAll(d.dir) }()
	}
	if d.dir, err = filepath.Abs(d.dir); err != nil {
		return fmt.Errorf("finding %s: %w", d.dir, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	portal, err := demoportal.Start(ctx, d.portal)
	if err != nil {
		return err
	}
	if err := d.startGateway(); err != nil {
		return err
	}
	d.welcome(out)
	demoQuiet.Store(false)
	<-ctx.Done()
	fmt.Fprintln(out, "\nStopping the demo.")
	if err := caddy.Stop(); err != nil {
		return fmt.Errorf("stopping the gateway: %w", err)
	}
	return portal.Wait()
}

// portsFree returns an error if another program uses one of the ports.
func (d demo) portsFree() error {
	for _, address := range []string{d.gateway, d.portal, d.desk} {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return fmt.Errorf("the address %s: %w", address, err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			return fmt.Errorf("port %s can't be used (%w): choose others with --port PORT, which takes PORT and the two ports after it", port, errors.Unwrap(err))
		}
		l.Close() //nolint:errcheck // nothing was accepted
	}
	return nil
}

func (d demo) startGateway() error {
	config, err := d.config()
	if err != nil {
		return err
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting the gateway at %s: %w", d.gateway, err)
	}
	return nil
}

// welcome prints the demo's addresses, the accounts, and what to try.
func (d demo) welcome(out io.Writer) {
	fmt.Fprintf(out, "\nThe demo runs at http://%s (Ctrl-C stops it).\n\nCustomers of the portal:\n", d.gateway)
	for _, c := range demoportal.Customers() {
		fmt.Fprintf(out, "  %-6s %-19s password: %s\n", c.Name, c.Email, c.Password)
	}
	fmt.Fprintf(out, "\nStaff of the support desk at http://%s:\n", d.desk)
	for _, s := range demoStaff {
		fmt.Fprintf(out, "  %-6s %-19s password: %s\n", s.name, s.role, s.password)
	}
	fmt.Fprintf(out, `
Four things to try:
  1. Sign in as alice, follow "Two-factor authentication" and turn it on with an
     authenticator app. Keep the backup codes. Without a phone, this shows the current
     code for the key on that page:  %[3]s demo code KEY
  2. Sign out and in again, by e-mail address or in capitals: now you are asked for a
     code, whatever way you sign in.
  3. Sign in as alice in a private window and stop at the question. Then try to get
     her data without a code: http://%[1]s/api/me, http://%[1]s/invoices.
  4. Alice lost her phone: open http://%[2]s as anna, issue a recovery code for her,
     and enter it in the private window as a backup code.

`, d.gateway, d.desk, os.Args[0])
}
