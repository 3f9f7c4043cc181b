package badger

import (
	"reflect"
	"testing"
)

// TestUserVersion1: records that were written before e-mail address, language and
// recovery code were known.
func TestUserVersion1(t *testing.T) {
	want := sampleUser(benchUser(1))
	want.Failures = nil
	want.Email, want.Language, want.Recovery = "", "", nil
	key := userKey(want.Key)
	e := newEncoder(512)
	e.str(want.Key.Realm)
	e.str(want.Key.ID)
	e.str(want.Name)
	e.time(want.FirstSeen)
	e.time(want.EnabledAt)
	e.bool(true)
	e.totp(want.TOTP)
	e.bool(true)
	e.backup(want.Backup)
	e.int(0)
	old := e.seal(key)
	got, err := decodeUser(key, old)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	future := newEncoderOf(userVersion+1, 16).seal(key)
	if _, err := decodeUser(key, future); err != errVersion {
		t.Errorf("a later version: %v, want %v", err, errVersion)
	}
}
