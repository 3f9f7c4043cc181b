package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"

	"github.com/secondgate/secondgate/caddyplugin/secret"
	"github.com/secondgate/secondgate/caddyplugin/storage"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/server"
)

// storeSettings are the settings of the app two_factor that name a store and its master keys.
// The store is not open.
type storeSettings struct {
	StorageRaw json.RawMessage `json:"storage,omitempty"`
	Key        string          `json:"key,omitempty"`

	storage server.Storage
	// engine is the storage engine's name.
	engine string
}

// settingsOf reads the settings of an app two_factor. If keyFile is not "", it replaces the
// setting `key`: the file named there may exist only while the server runs, such as a
// credential of systemd.
func settingsOf(app object, keyFile string) (*storeSettings, error) {
	raw, err := json.Marshal(app)
	if err != nil {
		return nil, err
	}
	s := new(storeSettings)
	if err := json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("the settings of two_factor can't be read: %w", err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	if s.storage, s.engine, err = storage.Load(ctx, s.StorageRaw); err != nil || keyFile == "" {
		return s, err
	}
	file, err := filepath.Abs(keyFile)
	s.Key = "{file." + file + "}"
	return s, err
}

// existingKeys reads the master keys. Unlike a server's start it never creates a key.
func (s *storeSettings) existingKeys() (*keys.Ring, error) {
	if s.Key == "" {
		file, err := s.storage.KeyFile()
		if err != nil {
			return nil, err
		}
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("the master keys are not there (%w): they are not in the backup; put the key file that belongs to it there first", err)
		}
	}
	from, err := secret.Keys(s.Key)
	if err != nil {
		return nil, err
	}
	ring, _, err := from.Load(s.storage)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; if it is there only while the server runs, name the file with --key-file", err)
	}
	return ring, err
}
