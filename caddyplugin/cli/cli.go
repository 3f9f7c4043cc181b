// Package cli implements the subcommands of `two-factor`. Some send requests to the running
// server (package admin), some examine or restore the store of a stopped server, and two
// inspect and check a portal. Importing the package registers the commands with Caddy.
package cli

import (
	"embed"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

//go:embed help/*.txt
var helpTexts embed.FS

// help returns the long description of a command, from help/NAME.txt.
func help(name string) string {
	text, err := helpTexts.ReadFile("help/" + name + ".txt")
	if err != nil {
		panic(err) // when the program starts, so that every test finds it
	}
	return "\n" + strings.TrimSpace(string(text))
}

// Commands returns the subcommands, each wrapped by Strict, which gives wrong use the exit
// status 2. init registers them below `caddy two-factor`, so that their names can't collide
// with Caddy's commands. The program secondgate has them at its top level as well.
func Commands() []caddycmd.Command {
	all := []caddycmd.Command{
		presetsCommand, inspectCommand(), checkCommand, reportCommand,
		statusCommand, usersCommand, auditCommand, backupCommand, restoreCommand, keysCommand,
		initCommand, acceptLossCommand, doctorCommand,
	}
	for i, c := range all {
		all[i].CobraFunc = func(cmd *cobra.Command) {
			c.CobraFunc(cmd)
			Strict(cmd)
		}
	}
	return all
}

// group returns a command that has only subcommands. Without one it prints its help.
func group(name, short string, commands ...caddycmd.Command) caddycmd.Command {
	return caddycmd.Command{
		Name: name, Usage: "COMMAND", Short: short,
		CobraFunc: func(parent *cobra.Command) {
			parent.Args = cobra.NoArgs
			parent.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			addCommands(parent, commands...)
		},
	}
}

func addCommands(parent *cobra.Command, commands ...caddycmd.Command) {
	for _, c := range commands {
		sub := &cobra.Command{Use: c.Name + " " + c.Usage, Short: c.Short, Long: c.Long}
		c.CobraFunc(sub)
		parent.AddCommand(sub)
	}
}

func init() {
	caddycmd.RegisterCommand(group("two-factor", "Sets up, tests and administers two-factor authentication in front of a portal", Commands()...))
}
