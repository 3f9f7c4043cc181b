package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"github.com/spf13/cobra"

	"github.com/secondgate/secondgate/caddyplugin/storage"
	"github.com/secondgate/secondgate/config"
	"github.com/secondgate/secondgate/internal/disk"
	"github.com/secondgate/secondgate/internal/store/witness"
)

// storeFlags are the flags that name a store by the configuration that uses it.
type storeFlags struct{ config, adapter, caddys string }

// addStoreFlags adds the flags to a command that takes no arguments.
func addStoreFlags(cmd *cobra.Command) *storeFlags {
	f := new(storeFlags)
	cmd.Args = noWords
	cmd.Flags().StringVarP(&f.config, "config", "c", "Caddyfile", "configuration that names the store")
	cmd.Flags().StringVarP(&f.adapter, "adapter", "a", "", "adapter for that file, if it is no Caddyfile")
	cmd.Flags().StringVar(&f.caddys, "caddy-storage", "", "directory of Caddy's own storage, if the configuration names none and the server's environment is another one (XDG_DATA_HOME)")
	return f
}

// namedStore has the settings of the store that a configuration names. The store is not open.
type namedStore struct {
	*storeSettings
	// place is the result of server.Storage.Key: the store's directory.
	place string
	// realms are the realms of the configuration's sites.
	realms []string
	// caddys is Caddy's own storage, as the configuration names it.
	caddys witness.Storage
	// close releases caddys.
	close func()
}

// read reads the configuration.
func (f storeFlags) read(keyFile string) (*namedStore, error) {
	c, err := readConfig(f.config, f.adapter)
	if err != nil {
		return nil, err
	}
	s := new(namedStore)
	if s.realms, err = realmsOf(c); err != nil {
		return nil, err
	}
	app := member(member(c, "apps"), "two_factor")
	if app == nil && len(s.realms) == 0 {
		return nil, fmt.Errorf("%s has no two_factor: name the configuration of the store with --config", f.config)
	}
	if s.storeSettings, err = settingsOf(f.withDirectory(app), keyFile); err != nil {
		return nil, err
	}
	if s.place, err = s.storage.Key(); err != nil {
		return nil, err
	}
	s.caddys, s.close, err = caddysStorage(c, f.caddys)
	return s, err
}

// withDirectory returns the app's settings with the store's default directory filled in. The
// default depends on the environment of the server's process; --caddy-storage tells this
// command what it is there.
func (f storeFlags) withDirectory(app object) object {
	settings := member(app, "storage")
	engine, _ := settings["engine"].(string)
	directory, _ := settings["directory"].(string)
	if f.caddys == "" || settings != nil && engine != storage.DefaultEngine || directory != "" {
		return app
	}
	filled, named := make(object), make(object)
	maps.Copy(named, settings)
	maps.Copy(named, storage.InDirectory(filepath.Join(f.caddys, "two_factor")))
	maps.Copy(filled, app)
	filled["storage"] = named
	return filled
}

// write writes an order for the next start to Caddy's storage. It refuses to if that belongs
// to another user: the server could not read files that this process creates there.
func (s *namedStore) write(ctx context.Context, o witness.Order) error {
	if st, ok := s.caddys.(*certmagic.FileStorage); ok {
		if err := ownedByUs(st.Path); err != nil {
			return err
		}
	}
	return witness.Give(ctx, s.caddys, o)
}

// ownedByUs returns an error if a directory belongs to another user than this process.
func ownedByUs(dir string) error {
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the caller creates it
	}
	if err != nil {
		return fmt.Errorf("looking at Caddy's storage: %w", err)
	}
	if uid, known := disk.Owner(info); known && uid != os.Geteuid() {
		return fmt.Errorf("%s belongs to the user %d: run this as that user, for example with `sudo -u '#%d'`", dir, uid, uid)
	}
	return nil
}

// realmsOf returns the realms of all two_factor handlers of a configuration.
func realmsOf(c object) (realms []string, err error) {
	for _, site := range findSites(c) {
		for _, gate := range site.gates {
			var s config.Site
			if err := json.Unmarshal(gate, &s); err != nil {
				return nil, fmt.Errorf("reading a two_factor: %w", err)
			}
			realm := cmp.Or(s.Realm, "default")
			if !slices.Contains(realms, realm) {
				realms = append(realms, realm)
			}
		}
	}
	return realms, nil
}

// caddysStorage returns Caddy's storage: the one that `storage` in the configuration names, or
// the default file storage. dir is the directory of the default one, or "" if it is the same
// as for this process.
func caddysStorage(c object, dir string) (st witness.Storage, done func(), err error) {
	named := member(c, "storage")
	switch {
	case named != nil && dir != "":
		return nil, nil, errors.New("--caddy-storage: the configuration names Caddy's storage itself")
	case named == nil && dir != "":
		return &certmagic.FileStorage{Path: dir}, func() {}, nil
	case named == nil:
		return caddy.DefaultStorage, func() {}, nil
	}
	module, _ := named["module"].(string)
	settings := copied(named)
	delete(settings, "module")
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	mod, err := ctx.LoadModuleByID("caddy.storage."+module, raw)
	if err == nil {
		if s, ok := mod.(caddy.StorageConverter); ok {
			st, err = s.CertMagicStorage()
		} else {
			err = errors.New("it is no storage module")
		}
	}
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("opening Caddy's storage %q: %w", module, err)
	}
	return st, cancel, nil
}
