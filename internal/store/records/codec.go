package records

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"
)

// A record is a version byte, its fields, and a CRC-32C of key and all before it;
// the key is in it so that a record which turns up elsewhere is not taken for that
// one. Integers are varints; strings and bytes are preceded by their length; a
// time is the microseconds since year 1, so that the zero time is one byte. New
// fields get a new version, and readers keep all old ones.
const recordVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errChecksum = errors.New("checksum does not match")
	errVersion  = errors.New("written by a newer version")
	errFields   = errors.New("fields do not fit")
)

var zeroMicro = time.Time{}.UnixMicro()

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

func checksum(key, content []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, content)
}

// decoder reads fields; after the first that does not fit, all are zero.
type decoder struct {
	b   []byte
	err error
}

// openRecord checks what stands under key and returns its fields' decoder.
func openRecord(key, record []byte) (*decoder, error) {
	d, _, err := openRecordOf(recordVersion, key, record)
	return d, err
}

// openRecordOf is openRecord for a kind of record that has several versions.
func openRecordOf(newest byte, key, record []byte) (d *decoder, version byte, err error) {
	end := len(record) - crc32.Size
	if end < 1 || binary.LittleEndian.Uint32(record[end:]) != checksum(key, record[:end]) {
		return nil, 0, errChecksum
	}
	if record[0] < 1 || record[0] > newest {
		return nil, 0, errVersion
	}
	return &decoder{b: record[1:end]}, record[0], nil
}

// finish reports whether everything was read and all of it fitted.
func (d *decoder) finish() error {
	if d.err == nil && len(d.b) > 0 {
		d.err = errFields
	}
	return d.err
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.b, d.err = nil, errFields
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.b, d.err = nil, errFields
		return nil
	}
	p := d.b[:n:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) field() []byte {
	size, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.b, d.err = nil, errFields
		return nil
	}
	d.b = d.b[n:]
	return d.take(size)
}

// count reads how many things follow, each of at least size bytes.
func (d *decoder) count(size int) int {
	n := d.int()
	if n < 0 || n > int64(len(d.b)/size) {
		d.b, d.err = nil, errFields
		return 0
	}
	return int(n)
}

func (d *decoder) bool() bool {
	p := d.take(1)
	return len(p) == 1 && p[0] == 1
}

func (d *decoder) str() string { return string(d.field()) }

// bytes returns a copy, nil if there are none: the record's memory is shared.
func (d *decoder) bytes() []byte { return append([]byte(nil), d.field()...) }

func (d *decoder) time() time.Time { return time.UnixMicro(d.int() + zeroMicro).UTC() }
