package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/internal/onboard/check"
)

var checkCommand = caddycmd.Command{
	Name:  "check",
	Usage: "[--config FILE] [--adapter NAME] [--site HOST] [--json]",
	Short: "Tests a site with two_factor against its real portal, before customers use it",
	Long:  help("check"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.NoArgs
		var c checkFlags
		f := cmd.Flags()
		f.StringVarP(&c.config, "config", "c", "Caddyfile", "The configuration")
		f.StringVarP(&c.adapter, "adapter", "a", "", "Its form, if it is neither a Caddyfile nor JSON")
		f.StringVar(&c.site, "site", "", "The site's host name, if several have two_factor")
		f.BoolVar(&c.json, "json", false, "Write the table as JSON")
		cmd.RunE = func(cmd *cobra.Command, _ []string) error {
			cmd.SilenceErrors = true // the error or the table is printed below
			report, err := c.run(cmd.Context(), prompt{in: cmd.InOrStdin(), out: cmd.ErrOrStderr()})
			if err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "There was no rehearsal: %v.\n", err)
				return exitStatus(cmd, err, statusWrongUse)
			}
			return c.say(cmd, report)
		}
	},
}

// checkFlags are the flags of the command check.
type checkFlags struct {
	config, adapter, site string
	json                  bool
}

// errSomethingFailed ends the program with status 1.
var errSomethingFailed = errors.New("something failed")

func (c checkFlags) run(ctx context.Context, p prompt) (report check.Report, err error) {
	config, err := readConfig(c.config, c.adapter)
	if err != nil {
		return report, err
	}
	site, err := pickSite(config, c.site)
	if err != nil {
		return report, err
	}
	plan, err := planOf(site, c.site)
	if err != nil {
		return report, err
	}
	accounts, err := p.accounts(ctx)
	if err != nil {
		return report, err
	}
	plan.First = accounts[0]
	if len(accounts) > 1 {
		plan.Second = accounts[1]
	}
	// From here on a signal must not end the process at once: the stage has to be stopped and
	// its directory removed. Before, a signal simply ends the prompt.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	st, err := startStage(site, plan.Site.Realm)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, st.stop()) }()
	return check.Run(ctx, plan, st)
}

func planOf(site foundSite, wanted string) (plan check.Plan, err error) {
	if plan.Site, err = site.settings(); err != nil {
		return plan, fmt.Errorf("the site %s: %w", site.name(), err)
	}
	host, err := site.host(wanted)
	if err != nil {
		return plan, err
	}
	scheme := map[bool]string{true: "https", false: "http"}
	plan.URL = scheme[site.secure] + "://" + host
	return plan, nil
}

func (c checkFlags) say(cmd *cobra.Command, report check.Report) error {
	write := report.WriteTable
	if c.json {
		write = report.WriteJSON
	}
	if err := write(cmd.OutOrStdout()); err != nil {
		return fmt.Errorf("writing the table: %w", err)
	}
	if report.Failed() {
		return errSomethingFailed
	}
	return nil
}
