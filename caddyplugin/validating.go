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

	"github.com/secondgate/secondgate/internal/server"
)

// validating reports whether this process only validates a configuration. Caddy
// provisions it as for a start then, and does not tell modules that it will not start,
// so the command line is looked at.
//
// A validation opens no store and makes no keys: as root it would make files that the
// service's user can't open, and beside a running server the store is locked.
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

// toValidate is an empty storage in a temporary directory, which Cleanup removes, for a
// validation; else nil.
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
	return &Badger{Directory: dir}, nil
}

// warnRoot warns of a server that runs as root where another user's server keeps its
// store: what root makes there, the other one can't open.
func (a *App) warnRoot(storage server.Storage) {
	file, err := storage.KeyFile()
	if err != nil || os.Geteuid() != 0 {
		return
	}
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil && dir != filepath.Dir(dir) {
			continue
		}
		if err == nil && ownedByOther(info) {
			a.log.Warn("this server runs as root, but the directory of its store belongs to another user, whose server can't open what root makes there: run it as that user, for example with sudo -u",
				zap.String("directory", dir))
		}
		return
	}
}
