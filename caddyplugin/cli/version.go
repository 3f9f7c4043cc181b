package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/secondgate/secondgate/caddyplugin/admin"
)

// Version returns one line with the versions of Secondgate, Caddy and Go, and the commit:
//
//	secondgate v1.2.0 (commit 0123456789ab, Caddy v2.11.9, go1.26.8)
func Version() string {
	b := admin.Build()
	return fmt.Sprintf("secondgate %s (%sCaddy %s, %s)", b.Version, commit(), b.Caddy, b.Go)
}

// commit returns the commit that the program was built from, or "" if the build recorded none.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	settings := make(map[string]string)
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	revision := settings["vcs.revision"]
	if revision == "" {
		return ""
	}
	if len(revision) > 12 {
		revision = revision[:12]
	}
	if settings["vcs.modified"] == "true" {
		revision += " modified"
	}
	return "commit " + revision + ", "
}
