package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/cli"
)

// rootCommand returns the root of this program's commands. It does not use caddycmd.Main, which
// always has all registered commands, names the program `caddy` in examples, and offers no way
// to remove a command or to get its root command. Caddy's commands come from caddycmd.Commands.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "secondgate",
		Short: "Two-factor authentication in front of an unmodified web portal",
		Long: `Secondgate is a web server that demands a second factor in front of an unmodified web
portal. It is configured in a Caddyfile.

  secondgate demo                       tries it out on this machine
  secondgate inspect https://PORTAL     examines a portal and writes its Caddyfile
  secondgate check --config Caddyfile   tests a site against the real portal
  secondgate run --config Caddyfile     runs the server in the foreground
  secondgate status                     shows how the running server is

The exit status is 0 after success, 2 if an argument was wrong and nothing was done, and
1 for other failures.`,
		Version:           cli.Version(),
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		Args:              onlyCommands,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.AddGroup(&cobra.Group{ID: groupOurs, Title: "Two-factor authentication:"}, &cobra.Group{ID: groupCaddys, Title: "The server:"})
	addAll(root, groupOurs, append(cli.Commands(), demoCommand))
	addAll(root, groupCaddys, append(caddysCommands(), versionCommand, manualCommand))
	root.SetHelpCommandGroupID(groupCaddys)
	root.SetCompletionCommandGroupID(groupCaddys)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	cli.Strict(root)
	return root
}

const (
	groupOurs   = "secondgate"
	groupCaddys = "caddy"
)

// left are the commands of Caddy that this program leaves out. The first three replace the
// program with one from Caddy's download server, which has no Secondgate. For the others this
// program has its own version.
var left = []string{"upgrade", "add-package", "remove-package", "version", "manpage", "completion"}

// clients are the commands of Caddy that send requests to the running server.
var clients = []string{"reload", "stop", "trust", "untrust"}

// caddysCommands returns the commands of Caddy and of plugins, sorted by name, without left.
func caddysCommands() (all []caddycmd.Command) {
	registered := caddycmd.Commands()
	for _, name := range slices.Sorted(maps.Keys(registered)) {
		if !slices.Contains(left, name) {
			all = append(all, renamed(registered[name]))
		}
	}
	return all
}

// names replaces `caddy` by `secondgate` in the help texts of Caddy's commands.
var names = strings.NewReplacer(
	"$ caddy ", "$ secondgate ", "> caddy ", "> secondgate ", "'caddy ", "'secondgate ", `"caddy `, `"secondgate `,
	"the Caddy process", "the server", "running Caddy instance", "running server", "started Caddy process", "started server",
)

func renamed(c caddycmd.Command) caddycmd.Command {
	c.Short, c.Long = names.Replace(c.Short), names.Replace(c.Long)
	return c
}

// addAll adds commands to root in the same way as caddycmd.Main, which exports no function for
// that.
func addAll(root *cobra.Command, group string, commands []caddycmd.Command) {
	for _, c := range commands {
		cmd := &cobra.Command{Use: strings.TrimSpace(c.Name + " " + c.Usage), Short: c.Short, Long: c.Long, GroupID: group}
		if c.CobraFunc != nil {
			c.CobraFunc(cmd)
		} else {
			cmd.RunE = caddycmd.WrapCommandFuncForCobra(c.Func)
			if c.Flags != nil {
				cmd.Flags().AddGoFlagSet(c.Flags)
			}
		}
		if cmd.HasSubCommands() && !cmd.Runnable() {
			cmd.Args = onlyCommands
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
		for _, sub := range cmd.Commands() {
			sub.Long = names.Replace(sub.Long)
		}
		if slices.Contains(clients, c.Name) {
			cmd.PreRun = func(*cobra.Command, []string) { cli.UseServiceSocket() }
		}
		// In another Caddy with this plugin, our commands are below `two-factor`. That works
		// here too, for scripts that use it, but is hidden.
		cmd.Hidden = cmd.Hidden || c.Name == "two-factor"
		root.AddCommand(cmd)
	}
}

// onlyCommands returns an error for a word that is no command, with similar commands.
func onlyCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := ""
	if cmd.SuggestionsMinimumDistance == 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		hint = "; did you mean " + strings.Join(like, " or ") + "?"
	}
	return fmt.Errorf("there is no command %q%s (%s --help lists them)", args[0], hint, cmd.CommandPath())
}
