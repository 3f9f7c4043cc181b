package caddyplugin

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/caddyplugin/storage"
	"github.com/secondgate/secondgate/internal/disk"
	"github.com/secondgate/secondgate/internal/server"
)

// validating reports whether this process only validates a configuration (`validate`, or
// `adapt --validate`). Caddy then provisions all modules as for a start and does not tell them
// the difference, so this looks at the command line.
//
// A validation must neither open the store nor create keys. Run as root, it would create files
// that the service's user can't open; and while a server runs, the store is locked.
var validating = sync.OnceValue(func() bool { return onlyValidates(os.Args[1:]) })

func onlyValidates(args []string) bool {
	switch commandOf(args) {
	case "validate":
		return true
	case "adapt":
		return slices.ContainsFunc(args, func(arg string) bool {
			value, given := strings.CutPrefix(arg, "--validate=")
			on, err := strconv.ParseBool(value)
			return arg == "--validate" || given && on && err == nil
		})
	}
	return false
}

// toValidate returns, if the configuration is only validated, an empty storage in a temporary
// directory, which Cleanup removes; otherwise nil.
func (a *App) toValidate(configured server.Storage) (server.Storage, error) {
	if !validating() {
		a.warnRoot(configured)
		return nil, nil
	}
	if _, err := configured.Key(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "secondgate-validate-")
	if err != nil {
		return nil, fmt.Errorf("making a place to validate in: %w", err)
	}
	a.scratch = dir
	return storage.Temporary(dir), nil
}

// warnRoot logs a warning if this process runs as root and the store's directory belongs to
// another user. Files that root creates there can't be opened by that user's server.
func (a *App) warnRoot(configured server.Storage) {
	file, err := configured.KeyFile()
	if err != nil || os.Geteuid() != 0 {
		return
	}
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil && dir != filepath.Dir(dir) {
			continue
		}
		if uid, known := disk.Owner(info); err == nil && known && uid != 0 {
			a.log.Warn("this server runs as root, but the directory of its store belongs to another user, whose server can't open what root makes there: run it as that user, for example with sudo -u",
				zap.String("directory", dir))
		}
		return
	}
}
