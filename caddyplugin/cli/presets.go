package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/config"
)

var presetsCommand = caddycmd.Command{
	Name:  "presets",
	Usage: "[NAME]",
	Short: "Lists the presets for known portals, or shows the settings of one",
	Long:  help("presets"),
	CobraFunc: func(cmd *cobra.Command) {
		cmd.Args = cobra.MaximumNArgs(1)
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listPresets(cmd.OutOrStdout())
			}
			return showPreset(cmd, args[0])
		}
	},
}

func listPresets(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tFOR\tTRIED WITH")
	for _, p := range config.Presets() {
		tried := p.Tried
		if tried == "" {
			tried = "untested"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Portal, tried)
	}
	return w.Flush()
}

func showPreset(cmd *cobra.Command, name string) error {
	p, ok := config.FindPreset(name)
	if !ok {
		return wrongInput(cmd, fmt.Errorf("%q is not a preset; want %s", name, config.PresetNames()))
	}
	text, err := p.Caddyfile()
	if err != nil {
		return fmt.Errorf("writing preset %s: %w", name, err)
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "portal.example.com {\n%s\treverse_proxy 127.0.0.1:8080\n}\n", text)
	return err
}
