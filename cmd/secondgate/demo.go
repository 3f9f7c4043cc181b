package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/demoportal"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "demo",
		Usage: "[--dir DIR]",
		Short: "Starts a demo portal with Secondgate before it, on this machine only",
		Long: `
Starts the customer portal of a made-up hosting provider at 127.0.0.1:8081 and
Secondgate before it, with Caddyfile.example, at http://localhost:8080. Its support
desk, for staff, is at http://localhost:8082. Nothing of it can be reached from other
machines. Ctrl-C stops it.

What customers set up is kept in DIR, or forgotten at the end without --dir.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.Args = cobra.NoArgs
			dir := cmd.Flags().String("dir", "", "Directory that keeps what customers set up")
			cmd.RunE = func(cmd *cobra.Command, _ []string) error {
				ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
				defer stop()
				return demo{dir: *dir, gateway: gatewayAddress, portal: portalAddress, desk: deskAddress}.run(ctx, cmd.OutOrStdout())
			}
		},
	})
}

// The addresses in Caddyfile.example.
const (
	gatewayAddress = "localhost:8080"
	portalAddress  = "127.0.0.1:8081"
)

// deskAddress is the support desk's, which only the demo has.
const deskAddress = "localhost:8082"

// demo is the demo portal at the address portal, Secondgate before it at gateway, and the
// support desk at desk. An empty dir is a temporary one.
type demo struct {
	dir, gateway, portal, desk string
}

// run serves both until the context ends, and leaves nothing behind but dir.
func (d demo) run(ctx context.Context, out io.Writer) (err error) {
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
	<-ctx.Done()
	fmt.Fprintln(out, "\nStopping the demo.")
	if err := caddy.Stop(); err != nil {
		return fmt.Errorf("stopping the gateway: %w", err)
	}
	return portal.Wait()
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

// welcome says where the demo is, who may sign in, and what to try.
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
     authenticator app. Keep the backup codes.
  2. Sign out and in again, by e-mail address or in capitals: now you are asked for a
     code, whatever way you sign in.
  3. Sign in as alice in a private window and stop at the question. Then try to get
     her data without a code: http://%[1]s/api/me, http://%[1]s/invoices.
  4. Alice lost her phone: open http://%[2]s as anna, issue a recovery code for her,
     and enter it in the private window as a backup code.

`, d.gateway, d.desk)
}
