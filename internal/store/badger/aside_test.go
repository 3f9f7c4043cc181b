package badger

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
)

// TestNewAside_Vacant: nothing is ever restored over something.
func TestNewAside_Vacant(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	d := open(t, dir, Options{})
	if _, err := NewAside(dir, Options{}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("beside a server: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewAside(dir, Options{}); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("over a store: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), asidePrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	// One that turns up while the backup is read is not replaced either.
	late := filepath.Join(t.TempDir(), "store")
	a, err := NewAside(late, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := a.Load(t.Context(), func() (store.Raw, error) { return store.Raw{}, io.EOF }, func(*store.User) {}); err != nil {
		t.Fatal(err)
	}
	other := open(t, late, Options{})
	if err := a.Commit(); !errors.Is(err, store.ErrLocked) {
		t.Errorf("a store that turned up: %v", err)
	}
	if err := other.Check(t.Context()); err != nil {
		t.Errorf("it suffered: %v", err)
	}
	if err := a.Discard(); err != nil {
		t.Error(err)
	}
}

// TestNewAside_Leftovers: what a killed restore left goes, what another one works in stays.
func TestNewAside_Leftovers(t *testing.T) {
	parent := t.TempDir()
	left := filepath.Join(parent, asidePrefix+"left")
	working := filepath.Join(parent, asidePrefix+"working")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	open(t, working, Options{})
	a, err := NewAside(filepath.Join(parent, "store"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Discard()
	if _, err := os.Stat(left); err == nil {
		t.Error("what a killed restore left is still there")
	}
	if _, err := os.Stat(working); err != nil {
		t.Errorf("what another restore works in: %v", err)
	}
}

// TestAside_Refused: of a backup that is refused half-way nothing is left; a whole one is put in
// its place.
func TestAside_Refused(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "shop", "store")
	for _, refused := range []error{errors.New("damaged"), nil} {
		a, err := NewAside(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		next := func() (store.Raw, error) { return store.Raw{}, errors.Join(refused, io.EOF) }
		if refused != nil {
			next = func() (store.Raw, error) { return store.Raw{}, refused }
		}
		_, _, err = a.Load(t.Context(), next, func(*store.User) {})
		if !errors.Is(err, refused) {
			t.Errorf("loading: %v, want %v", err, refused)
		}
		if err == nil {
			err = a.Commit()
		}
		if err := a.Discard(); err != nil {
			t.Error(err)
		}
		left, _ := filepath.Glob(filepath.Join(parent, "shop", "*"))
		left2, _ := filepath.Glob(filepath.Join(parent, "shop", ".*"))
		if left = append(left, left2...); len(left) != map[bool]int{true: 0, false: 1}[refused != nil] {
			t.Errorf("after %v there is %v", err, left)
		}
	}
}

// TestNewAside_LeavesNothing: a restore that fails removes the directories that it has made,
// and no others.
func TestNewAside_LeavesNothing(t *testing.T) {
	top := t.TempDir()
	for _, there := range []string{"", "a", "a/b"} {
		if err := os.MkdirAll(filepath.Join(top, there), 0o700); err != nil {
			t.Fatal(err)
		}
		a, err := NewAside(filepath.Join(top, "a", "b", "store"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // by the restore, and by the command around it
			if err := a.Discard(); err != nil {
				t.Error(err)
			}
		}
		left, err := os.ReadDir(filepath.Join(top, there))
		if err != nil || len(left) > 0 {
			t.Errorf("beside %q: left is %v, %v", there, left, err)
		}
	}
}
