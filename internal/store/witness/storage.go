package witness

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// Storage is what this package needs of Caddy's storage (certmagic.Storage). What is not
// there is fs.ErrNotExist.
type Storage interface {
	Store(ctx context.Context, key string, value []byte) error
	Load(ctx context.Context, key string) ([]byte, error)
	Delete(ctx context.Context, key string) error
	List(ctx context.Context, path string, recursive bool) ([]string, error)
}

// Where witnesses and orders are in Caddy's storage. It is not below two_factor/, where
// the store is by default: an older copy of that directory must not bring an older witness.
const (
	folder = "secondgate/witness"
	orders = "secondgate/orders"
)

func keyOf(store string) string { return path.Join(folder, store+".json") }

// Load reads all witnesses. An error says that it can't be known whether a store was lost.
func Load(ctx context.Context, st Storage) (Known, error) {
	names, err := st.List(ctx, folder, false)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing %s in Caddy's storage: %w", folder, err)
	}
	slices.Sort(names)
	var known Known
	for _, name := range names {
		if path.Ext(name) != ".json" {
			continue
		}
		file, err := st.Load(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s in Caddy's storage: %w", name, err)
		}
		w := Unmarshal(file)
		w.Key = name
		known = append(known, w)
	}
	return known, nil
}

// The kinds of orders.
const (
	// OrderInit: the next start may make a further store, or use one that is not known.
	OrderInit = "init"
	// OrderLoss: what the named witnesses tell of is lost, and that is accepted.
	OrderLoss = "accept_loss"
)

// orderLife is for how long an order is good: a forgotten one must not hide a later loss.
const orderLife = 24 * time.Hour

// Order is what an operator decided for the next start in one place. It is written by a
// command, and removed by the start that has followed it.
type Order struct {
	Kind string `json:"kind"`
	// Place is Found.Place of the configuration that the order is for.
	Place string    `json:"place"`
	At    time.Time `json:"at"`
	// Staff accepts the loss, for that Reason.
	Staff  string `json:"staff,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Lost are the keys of the witnesses that do not count any more, and Expected says in
	// words which stores those are.
	Lost     []string `json:"lost,omitempty"`
	Expected []string `json:"expected,omitempty"`
}

func orderKey(place string) string {
	name := sha256.Sum256([]byte(place))
	return path.Join(orders, hex.EncodeToString(name[:8])+".json")
}

// Give writes an order.
func Give(ctx context.Context, st Storage, o Order) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := st.Store(ctx, orderKey(o.Place), raw); err != nil {
		return fmt.Errorf("writing to Caddy's storage: %w", err)
	}
	return nil
}

// Ordered reads the order for a place, nil if there is none that is still good.
func Ordered(ctx context.Context, st Storage, place string, now time.Time) (*Order, error) {
	raw, err := st.Load(ctx, orderKey(place))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading an order in Caddy's storage: %w", err)
	}
	var o Order
	if err := json.Unmarshal(raw, &o); err != nil || o.Place != place || now.Sub(o.At).Abs() > orderLife {
		return nil, nil
	}
	return &o, nil
}

// Apply returns the witnesses that count. Those that were signed after the order do: their
// store is in use.
func (o *Order) Apply(known Known) Known {
	if o == nil || o.Kind != OrderLoss {
		return known
	}
	return slices.DeleteFunc(slices.Clone(known), func(w Witness) bool {
		return slices.Contains(o.Lost, w.Key) && !w.Signed.After(o.At)
	})
}

// Follow removes an order that was executed, and the witnesses of the lost stores. Keeper
// rewrites the witness of the store that is used now.
func (o *Order) Follow(ctx context.Context, st Storage, store string) error {
	for _, key := range o.Lost {
		if key == keyOf(store) {
			continue
		}
		if err := st.Delete(ctx, key); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing %s from Caddy's storage: %w", key, err)
		}
	}
	if err := st.Delete(ctx, orderKey(o.Place)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing an order from Caddy's storage: %w", err)
	}
	return nil
}

// Accept makes the order that accepts the loss of every store that answered for one of
// the realms, and of every store of which the witness can't be read. ok is false if there is
// none.
func Accept(known Known, place string, realms []string, staff, reason string, now time.Time) (o Order, ok bool) {
	o = Order{Kind: OrderLoss, Place: place, At: now, Staff: staff, Reason: reason}
	for i := range known {
		w := &known[i]
		answers := slices.ContainsFunc(realms, func(realm string) bool { _, yes := w.Activated[realm]; return yes })
		if !answers && !w.Unreadable {
			continue
		}
		o.Lost = append(o.Lost, w.Key)
		o.Expected = append(o.Expected, w.String())
	}
	return o, len(o.Lost) > 0
}

// Short are the ids of the stores that an order gives up, for the audit log.
func (o *Order) Short() string {
	var ids []string
	for _, key := range o.Lost {
		ids = append(ids, strings.TrimSuffix(path.Base(key), ".json"))
	}
	return strings.Join(ids, " ")
}
