// Package caddyplugin makes Secondgate a part of Caddy: the app `two_factor`, the
// handler `http.handlers.two_factor`, the storage modules, and their Caddyfile. It
// translates between Caddy and the rest of the house, and decides nothing itself.
//
// Its one invariant: what outlives a configuration (the store, the memory of visits)
// is shared through one pool and closed only when no configuration uses it any more;
// a configuration that fails to load changes nothing of it.
package caddyplugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/mail"
	"github.com/secondgate/secondgate/internal/timesource"
)

func init() { caddy.RegisterModule(App{}) }

// App is the app `two_factor`: what all sites of a server share.
type App struct {
	// StorageRaw is the storage engine. Default: Badger in two_factor/ below Caddy's
	// data directory.
	StorageRaw json.RawMessage `json:"storage,omitempty" caddy:"namespace=two_factor.storage inline_key=engine"`
	// Key holds the master keys, newest first, one of 32 bytes in base64 on each line;
	// usually {file.…} or {env.…}. Default: a file that is made beside the store on the
	// first start, readable by the server's user only.
	Key string `json:"key,omitempty"`
	// NTP is the time source that the server's clock is compared with, at start and every
	// hour: HOST or HOST:PORT. Default: none; the clock is not compared then.
	NTP string `json:"ntp,omitempty"`
	// Audit is for how long security events are kept. Default: 400 days.
	Audit *Audit `json:"audit,omitempty"`
	// RetiredRealms are realms of the store with second factors that no site has any more.
	// Without them here a configuration with a realm that the store does not know is refused.
	RetiredRealms []string `json:"retired_realms,omitempty"`
	// RetiredSource is the file and line of retired_realms in the Caddyfile, for warnings.
	RetiredSource string `json:"retired_source,omitempty"`
	// SameIDs accepts that a realm's users get their ids from elsewhere: the values are those
	// that the refusal names.
	SameIDs []string `json:"same_ids,omitempty"`
	// Mail is how notices and codes are sent by e-mail. Default: none are.
	Mail *Mail `json:"mail,omitempty"`
	// AdminAPI is where the admin API acts and exports secrets: "socket", on a Unix socket
	// that other users of the machine can't open, or "tcp", everywhere. Default: socket.
	AdminAPI string `json:"admin_api,omitempty"`

	// ctx is the configuration's, for what is looked up when it starts.
	ctx caddy.Context
	// scratch is the temporary directory of a validation.
	scratch string
	// admin is the address of the admin endpoint, as the handlers' Caddyfile named it.
	admin   string
	engine  *engine
	storage Storage
	pool    string
	witness *witnesses
	ring    *keys.Ring
	log     *zap.Logger
	// release takes back that this configuration seals; see rotation.Keeper.Admit.
	release func()
	// source is NTP with its port.
	source string
	// meters are those of the configuration's realms.
	meters *meters

	// claims are the handlers that use the default realm.
	claims claims
	// realms are those of the configuration's handlers, by name.
	realms map[string]*realm
	// known is checkKnown, which is asked once, by the first request or by Start: Caddy
	// starts its apps in no order.
	known func() error
	// sites are the addresses of the configuration's handlers by realm, places are where
	// they stand there.
	sites, places sites
	// ids are what each handler makes users' ids of.
	ids []identified
	// records are what is written down of the configuration when it has started.
	records []func() error
	// shown are the realms that support desks name.
	shown []string
	// mailing is what mails are sent with; nil without a mail server.
	mailing *mail.Setup
}

// CaddyModule returns the module's information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "two_factor", New: func() caddy.Module { return new(App) }}
}

// Provision opens the store, or joins those who have it open, and reads the keys.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log = ctx, ctx.Logger()
	a.known = sync.OnceValue(a.checkKnown)
	if err := globalRows.Check(a); err != nil {
		return err
	}
	if err := a.readSource(); err != nil {
		return err
	}
	if a.StorageRaw == nil {
		a.StorageRaw = json.RawMessage(`{"engine":"badger"}`)
	}
	mod, err := ctx.LoadModule(a, "StorageRaw")
	if err != nil {
		return fmt.Errorf("loading the storage engine: %w", err)
	}
	storage, ok := mod.(Storage)
	if !ok {
		return fmt.Errorf("module %T is no storage engine of two_factor", mod)
	}
	if err := a.prepareMail(); err != nil {
		return err
	}
	if err := a.onActive(ctx); err != nil {
		return err
	}
	return a.open(ctx, storage)
}

func (a *App) open(ctx caddy.Context, storage Storage) error {
	opened, err := a.toOpen(storage)
	if err != nil {
		return err
	}
	pool, err := opened.Key()
	if err != nil {
		return err
	}
	if a.witness, err = readWitnesses(ctx, pool); err != nil {
		return err
	}
	val, _, err := engines.LoadOrNew(pool, func() (caddy.Destructor, error) {
		if err := a.witness.mayCreate(opened); err != nil {
			return nil, err
		}
		return openEngine(opened, a.log)
	})
	if err != nil {
		return err
	}
	// Only who acquired it may release it: see Cleanup.
	a.pool, a.engine, a.storage = pool, val.(*engine), storage
	if err := a.witness.find(ctx, a.engine); err != nil {
		return err
	}
	ring, origin, err := a.readKeys(ctx)
	if err != nil {
		return err
	}
	// Wrong keys are told as such: with them the witness's signature is wrong, too.
	if err := a.engine.keeper.Fits(ctx, ring); err != nil {
		return fmt.Errorf("the master keys from %s: %w", origin, err)
	}
	if err := a.witness.judge(ring); err != nil {
		return err
	}
	if a.release, err = a.engine.keeper.Admit(ctx, ring); err != nil {
		return fmt.Errorf("the master keys from %s: %w", origin, err)
	}
	a.ring = ring
	if err := a.witness.voidUsed(ctx, a.engine, a.log); err != nil {
		return err
	}
	return a.registerMetrics(ctx)
}

func (a *App) readSource() (err error) {
	if a.NTP == "" {
		return nil
	}
	if a.source, err = timesource.Address(a.NTP); err != nil {
		return fmt.Errorf("ntp %s: %w", a.NTP, err)
	}
	return nil
}

// Start makes these settings count for the work in the background. The store is open
// since Provision, which the handlers need.
func (a *App) Start() error {
	if err := a.checkShown(); err != nil {
		return err
	}
	if err := a.known(); err != nil {
		return err
	}
	noteGrace(a.ctx)
	boundEnd()
	a.warnOfAdmin()
	a.engine.use(a)
	a.engine.watch.started()
	if err := a.engine.keeper.Resume(a.engine.life, a.engine.ring); err != nil {
		a.log.Error("a rotation of the master keys that was under way could not go on; start it again with `keys rotate`", zap.Error(err))
	}
	return nil
}

// Stop takes that back. The store is closed by Cleanup.
func (a *App) Stop() error {
	a.engine.flushAudit()
	a.engine.witness.Flush(a.engine.life)
	a.engine.leave(a)
	return nil
}

// Cleanup releases the store. It also runs when Provision failed half-way.
func (a *App) Cleanup() error {
	if a.scratch != "" {
		defer os.RemoveAll(a.scratch) //nolint:errcheck // a temporary directory
	}
	if a.pool == "" {
		return nil
	}
	if a.release != nil {
		a.release()
	}
	_, err := engines.Delete(a.pool)
	return err
}

// readKeys reads the master keys, and makes some for a new store. Whether they belong
// to the store is not looked at.
func (a *App) readKeys(ctx context.Context) (ring *keys.Ring, origin string, err error) {
	text, origin, err := a.keyText(ctx)
	if err != nil {
		return nil, origin, err
	}
	if ring, err = keys.Parse(text); err != nil {
		return nil, origin, fmt.Errorf("the master keys from %s: %w", origin, err)
	}
	return ring, origin, nil
}

func (a *App) keyText(ctx context.Context) (text, origin string, err error) {
	if a.Key != "" {
		if err := checkKey(a.Key); err != nil {
			return "", "", fmt.Errorf("key: %w", err)
		}
		text, err = filledIn(a.Key)
		if err != nil {
			return "", "", fmt.Errorf("key %s can't be read: %w", a.Key, err)
		}
		a.warnReadable(fileOf(a.Key))
		return text, a.Key, nil
	}
	file, err := a.storage.KeyFile()
	if err != nil {
		return "", "", err
	}
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = a.makeKey(ctx, file)
	}
	if err != nil {
		return "", "", fmt.Errorf("the master key file: %w", err)
	}
	a.warnReadable(file)
	return string(raw), file, nil
}

// checkKey refuses keys that are written into the configuration.
func checkKey(key string) error { return checkSecret(key, keyExample) }

// makeKey writes a new key file, but never for a store that was made with another key.
func (a *App) makeKey(ctx context.Context, file string) ([]byte, error) {
	used, err := a.engine.keeper.Sealed(ctx)
	if err != nil {
		return nil, err
	}
	if validating() {
		return []byte(keys.Generate()), nil
	}
	if used {
		return nil, fmt.Errorf("%s is missing, but the store beside it was made with it: put the file back from your backup, or name the keys with `key` (nothing was changed)", file)
	}
	text := keys.Generate()
	if err := writeOnce(file, text); err != nil {
		return nil, err
	}
	a.log.Warn("a new master key was made; keep a copy of it apart from the store's backups", zap.String("file", file))
	return []byte(text), nil
}

// writeOnce creates a private file durably, and never replaces one.
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

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
