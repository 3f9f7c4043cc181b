package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/secondgate/secondgate/caddyplugin/storage"
	"github.com/secondgate/secondgate/internal/audit"
	"github.com/secondgate/secondgate/internal/clock"
	"github.com/secondgate/secondgate/internal/keys"
	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
	"github.com/secondgate/secondgate/internal/store/witness"
)

var doctorCommand = caddycmd.Command{
	Name:  "doctor",
	Usage: "[--config FILE] [--key-file FILE]",
	Short: "Verifies the store of a stopped server, without changing it",
	Long:  help("doctor"),
	CobraFunc: func(cmd *cobra.Command) {
		f := addStoreFlags(cmd)
		keyFile := cmd.Flags().String("key-file", "", "file with the master keys (default: as the configuration says)")
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return runDoctor(cmd, *f, *keyFile) }
	},
}

func runDoctor(cmd *cobra.Command, f storeFlags, keyFile string) error {
	s, err := f.read(keyFile)
	if err != nil {
		return wrongInput(cmd, err)
	}
	defer s.close()
	engine, ok := s.storage.(storage.Examiner)
	if !ok {
		return wrongInput(cmd, fmt.Errorf("the storage engine %s can't be examined", s.engine))
	}
	d := &doctor{out: cmd.OutOrStdout(), named: s}
	examined, err := engine.Examine(cmd.Context(), d.logger(), func(st store.Store) error { return d.examine(cmd.Context(), st) })
	if errors.Is(err, store.ErrLocked) {
		return wrongInput(cmd, errors.New("a running server holds the store: ask that one with `secondgate status`, or stop it"))
	}
	switch {
	case errors.Is(err, store.ErrDamaged):
		d.say("Files", "", err)
	case err != nil:
		return err
	default:
		d.say("Tables", fmt.Sprintf("%d, all checksums are right", examined.Tables), examined.Damage)
	}
	if d.problems > 0 {
		return errors.New("the store has problems; they are listed above")
	}
	return nil
}

// doctor prints one line for each check, and counts the problems.
type doctor struct {
	out      io.Writer
	named    *namedStore
	problems int
	// unreadable is the number of errors that the engine has logged. It logs one for each
	// record that it can't read.
	unreadable int
}

// say prints the line of one check: well, or the error if wrong is not nil.
func (d *doctor) say(what, well string, wrong error) {
	if wrong != nil {
		d.problems++
		well = "WRONG: " + wrong.Error()
	}
	fmt.Fprintf(d.out, "%-12s %s\n", what+":", plain(well))
}

// logger returns the logger for the engine. It prints errors, which name the unreadable
// records, and counts them in d.unreadable.
func (d *doctor) logger() *zap.Logger {
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(zapcore.EncoderConfig{MessageKey: "message"}), zapcore.AddSync(d.out), zap.ErrorLevel)
	return zap.New(core, zap.Hooks(func(zapcore.Entry) error {
		d.unreadable++
		return nil
	}))
}

func (d *doctor) examine(ctx context.Context, st store.Store) error {
	before := d.unreadable
	activated, err := countRecords(ctx, st)
	if err != nil {
		return err
	}
	if n := d.unreadable - before; n > 0 {
		d.say("Users", "", fmt.Errorf("%d records can't be read; these users are refused", n))
	}
	for _, realm := range slices.Sorted(maps.Keys(activated)) {
		n, err := st.CountUsers(ctx, realm)
		if err == nil && n.Activated != activated[realm] {
			err = fmt.Errorf("%d records of activated users, and %d in the index", activated[realm], n.Activated)
		}
		d.say("Realm "+realm, fmt.Sprintf("%d activated users", activated[realm]), err)
	}
	report, err := audit.Verify(ctx, st)
	if err == nil && !report.OK() {
		err = errors.New(report.Broken)
	}
	d.say("Audit log", fmt.Sprintf("%d entries, the hash chain is valid", report.Entries), err)
	return d.compare(ctx, st, activated)
}

// countRecords counts the activated users of each realm by reading every user record, without
// the index that CountUsers reads.
func countRecords(ctx context.Context, st store.Store) (map[string]int, error) {
	activated := make(map[string]int)
	for after := ""; ; {
		page, err := st.Everyone(ctx, after, 1000)
		if err != nil {
			return nil, err
		}
		for i := range page.Users {
			if u := &page.Users[i]; u.Activated() {
				activated[u.Key.Realm]++
			}
		}
		if after = page.Next; after == "" {
			return activated, nil
		}
	}
}

// compare checks that the master keys open the store, and that the store is the one that its
// witness in Caddy's storage describes.
func (d *doctor) compare(ctx context.Context, st store.Store, activated map[string]int) error {
	keeper := rotation.New(st, zap.NewNop(), clock.Now)
	defer keeper.Close()
	ring, err := d.named.existingKeys()
	if err == nil {
		err = keeper.Fits(ctx, ring)
	}
	d.say("Master keys", "open the store", err)
	if err != nil {
		return nil // the witness's signature can't be verified without the keys
	}
	d.say("Witness", "is this store's, or there is none", d.judge(ctx, st, ring, activated))
	return nil
}

// judge compares the store with its witness. If ring is nil, the witness's signature is not
// verified.
func (d *doctor) judge(ctx context.Context, st store.Store, ring *keys.Ring, activated map[string]int) error {
	known, err := witness.Load(ctx, d.named.caddys)
	if err != nil {
		return err
	}
	if ring != nil {
		known.Verify(ring)
	}
	found, err := witness.Find(ctx, st, d.named.place, true, known)
	if err != nil {
		return err
	}
	if err := witness.Judge(known, found); err != nil {
		return err
	}
	var last uint64
	if w := known.Of(found.Store); w != nil {
		last = w.Counted
	}
	explained, err := witness.Explained(ctx, st, last)
	if err != nil {
		return err
	}
	for _, realm := range d.named.realms {
		if err := witness.JudgeRealm(known, found, witness.Users{Realm: realm, Activated: activated[realm], Explained: explained[realm]}); err != nil {
			return err
		}
	}
	return nil
}
