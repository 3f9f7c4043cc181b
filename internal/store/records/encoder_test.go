package records

import (
	"encoding/binary"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// recordVersion is that of records which never changed.
const recordVersion = 1

// encoder writes records as earlier versions did, independently of the forms.
type encoder struct{ b []byte }

func newEncoder(size int) *encoder { return newEncoderOf(recordVersion, size) }

func newEncoderOf(version byte, size int) *encoder {
	return &encoder{append(make([]byte, 0, size), version)}
}

func (e *encoder) int(v int64) { e.b = binary.AppendVarint(e.b, v) }

func (e *encoder) bool(v bool) {
	if v {
		e.b = append(e.b, 1)
		return
	}
	e.b = append(e.b, 0)
}

func (e *encoder) str(s string) {
	e.b = append(binary.AppendUvarint(e.b, uint64(len(s))), s...)
}

func (e *encoder) bytes(p []byte) {
	e.b = append(binary.AppendUvarint(e.b, uint64(len(p))), p...)
}

func (e *encoder) time(t time.Time) { e.int(t.UnixMicro() - zeroMicro) }

// seal ends the record that is to be stored under key.
func (e *encoder) seal(key []byte) []byte {
	return binary.LittleEndian.AppendUint32(e.b, checksum(key, e.b))
}

func (e *encoder) recovery(r *store.Recovery) {
	e.bytes(r.Salt)
	e.bytes(r.Hash)
	e.time(r.Issued)
	e.time(r.Expires)
	e.str(r.Staff)
}

func (e *encoder) totp(t *store.TOTP) {
	e.str(t.ID)
	e.bytes(t.Secret)
	e.str(t.Algorithm)
	e.int(int64(t.Digits))
	e.int(int64(t.Period))
	e.int(t.Floor)
	e.time(t.AddedAt)
	e.time(t.UsedAt)
}

func (e *encoder) backup(b *store.BackupSet) {
	e.bytes(b.Salt)
	e.int(int64(len(b.Hashes)))
	for _, h := range b.Hashes {
		e.bytes(h)
	}
	e.int(int64(b.Total))
	e.time(b.AddedAt)
	e.time(b.UsedAt)
}
