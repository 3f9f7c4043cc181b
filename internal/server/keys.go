package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/keys"
)

// Keys is the place of the master keys. The zero value means the storage's key file.
type Keys struct {
	// Setting is the setting `key` as the configuration has it; File is the file that it names,
	// or "".
	Setting, File string
	// Read returns the text of the keys.
	Read func() (string, error)
}

// Load reads the master keys. origin is the place they were read from, for errors. It does not
// check whether they belong to the store.
func (k Keys) Load(storage Storage) (ring *keys.Ring, origin string, err error) {
	text, origin, err := k.text(storage)
	if err != nil {
		return nil, origin, err
	}
	if ring, err = keys.Parse(text); err != nil {
		return nil, origin, fmt.Errorf("the master keys from %s: %w", origin, err)
	}
	return ring, origin, nil
}

func (k Keys) text(storage Storage) (text, origin string, err error) {
	if k.Read != nil {
		text, err = k.Read()
		return text, k.Setting, err
	}
	file, err := storage.KeyFile()
	if err != nil {
		return "", "", err
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return "", file, fmt.Errorf("the master key file: %w", err)
	}
	return string(raw), file, nil
}

// readKeys loads the master keys, and creates a key file for a new store.
func (s *Server) readKeys(ctx context.Context) (*keys.Ring, string, error) {
	file := s.Keys.File
	if s.Keys.Read == nil {
		var err error
		if file, err = s.Storage.KeyFile(); err != nil {
			return nil, "", err
		}
		if err := s.makeKey(ctx, file); err != nil {
			return nil, file, fmt.Errorf("the master key file: %w", err)
		}
	}
	ring, origin, err := s.Keys.Load(s.Storage)
	if s.Scratch != nil && s.Keys.Read == nil && errors.Is(err, fs.ErrNotExist) {
		ring, err = keys.Parse(keys.Generate()) // a validation writes no file; a start would
	}
	if err == nil {
		WarnReadable(s.Logger, file)
	}
	return ring, cmp.Or(origin, file), err
}

// makeKey creates a key file if there is none. It returns an error if the store was already
// used with keys: a new key could not open its records.
func (s *Server) makeKey(ctx context.Context, file string) error {
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) || s.Scratch != nil {
		return nil // if the file can't be read, Keys.Load returns the error
	}
	used, err := s.engine.keeper.Sealed(ctx)
	if err != nil {
		return err
	}
	if used {
		return fmt.Errorf("%s is missing, but the store beside it was made with it: put the file back from your backup, or name the keys with `key` (nothing was changed)", file)
	}
	if err := writeOnce(file, keys.Generate()); err != nil {
		return err
	}
	s.Logger.Warn("a new master key was created; keep a copy of it apart from the store's backups", zap.String("file", file))
	return nil
}

// CheckKeys reads the master keys again, and returns an error if the first one is not the key
// that this server seals with. A rotation would otherwise use the old key.
func (s *Server) CheckKeys(ctx context.Context) error {
	ring, origin, err := s.readKeys(ctx)
	if err != nil {
		return errors.Join(errors.New("the master keys can't be read any more; the server continues with the keys in memory, but would not start again"), err)
	}
	if ring.Newest() != s.ring.Newest() {
		return fmt.Errorf("the first key in %s is %s, but the running server seals with %s: let it read the keys anew with `secondgate reload --force` (without --force Caddy does nothing if the configuration is the same)", origin, ring.Newest(), s.ring.Newest())
	}
	return nil
}

// WarnReadable logs a warning if every user of the machine can read a file with secrets. It
// ignores the group's permission, which systemd sets on credentials for their access list.
func WarnReadable(log *zap.Logger, file string) {
	if file == "" {
		return
	}
	if info, err := os.Stat(file); err == nil && info.Mode().Perm()&0o004 != 0 {
		log.Warn("a file with secrets is readable by every user of this machine; restrict it: chmod 600",
			zap.String("file", file), zap.String("mode", fmt.Sprintf("%04o", info.Mode().Perm())))
	}
}

// writeOnce creates a file with mode 0600 and syncs it to disk. It never replaces a file.
func writeOnce(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
