package records

import (
	"reflect"
	"testing"

	"github.com/secondgate/secondgate/internal/store"
)

// TestUserVersion1: records that were written before e-mail address, language and
// recovery code were known.
func TestUserVersion1(t *testing.T) {
	want := sampleUser(alice)
	want.Failures = nil
	want.Email, want.Language, want.Recovery = "", "", nil
	key := userKey(want.Key)
	old := firstVersion(want)
	got, err := userForm.decode(key, old)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
	future := newEncoderOf(userForm.version+1, 16).seal(key)
	if _, err := userForm.decode(key, future); err != errVersion {
		t.Errorf("a later version: %v, want %v", err, errVersion)
	}
}

// TestUserVersion2: records that were written before spent backup codes were remembered.
func TestUserVersion2(t *testing.T) {
	want := sampleUser(alice)
	want.Email, want.Language = "aliisa@example.org", "fi"
	want.Failures = map[string]store.Failures{"backup": {Count: 2, Until: now}}
	want.Recovery = &store.Recovery{Salt: []byte("salt"), Hash: []byte("hash"), Issued: now, Expires: now, Staff: "sinikka"}
	key := userKey(want.Key)
	got, err := userForm.decode(key, secondVersion(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// TestUserVersion3: records that were written before the end of a user's sessions was noted.
func TestUserVersion3(t *testing.T) {
	want := sampleUser(alice)
	want.Failures = map[string]store.Failures{"backup": {Count: 2, Until: now}}
	want.Recovery = &store.Recovery{Salt: []byte("salt"), Hash: []byte("hash"), Issued: now, Expires: now, Staff: "sinikka"}
	want.Spent = &store.SpentCodes{Key: []byte("key"), Digests: []byte("digests"), Closed: true}
	key := userKey(want.Key)
	second := secondVersion(want)
	e := newEncoderOf(3, 512)
	e.b = append(e.b, second[1:len(second)-4]...)
	e.bool(true)
	e.bytes(want.Spent.Key)
	e.bytes(want.Spent.Digests)
	e.bool(true)
	got, err := userForm.decode(key, e.seal(key))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// TestVisitVersion1: visits that were written before tombstones of ended sessions were known.
func TestVisitVersion1(t *testing.T) {
	key := visitKey("r", store.VisitID{1})
	for _, want := range []store.Visit{
		{At: now, Expires: now},
		{User: "alice", Factor: "totp", At: now, LastSeen: now, Expires: now, Address: "192.0.2.1", Agent: "b", Binds: []uint64{1}, Failures: 3},
	} {
		record := visitForm.encode(key, &want)
		e := newEncoder(256)
		e.b = append(e.b, record[1:len(record)-5]...)
		got, err := visitForm.decode(key, e.seal(key))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
	}
}

// secondVersion is the record of a user with all factors as version 2 had it.
func secondVersion(want store.User) []byte {
	e := newEncoderOf(2, 512)
	e.str(want.Key.Realm)
	e.str(want.Key.ID)
	e.str(want.Name)
	e.time(want.FirstSeen)
	e.time(want.EnabledAt)
	e.bool(true)
	e.totp(want.TOTP)
	e.bool(true)
	e.backup(want.Backup)
	e.int(int64(len(want.Failures)))
	for kind, f := range want.Failures {
		e.str(kind)
		e.int(int64(f.Count))
		e.time(f.Until)
	}
	e.str(want.Email)
	e.str(want.Language)
	e.bool(true)
	e.recovery(want.Recovery)
	return e.seal(userKey(want.Key))
}

// firstVersion is the record of a user with all factors as version 1 had it.
func firstVersion(want store.User) []byte {
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
	return e.seal(userKey(want.Key))
}

// TestUserVersion1_Restored: a backup of an older version's store is restored, and its
// users can be changed, as a rotation of the keys does.
func TestUserVersion1_Restored(t *testing.T) {
	want := sampleUser(alice)
	want.Failures, want.Email, want.Language, want.Recovery = nil, "", "", nil
	d, done, err := restore(t, []store.Raw{{Key: userKey(want.Key), Value: firstVersion(want)}}, func(u *store.User) { u.TOTP.Floor++ })
	if err != nil || done.Users != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	err = d.Update(t.Context(), want.Key, func(tx store.Tx) error {
		u, err := tx.User()
		if err != nil {
			return err
		}
		u.TOTP.Floor++
		return tx.PutUser(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	want.TOTP.Floor += 2
	if got, err := d.User(t.Context(), want.Key); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}
