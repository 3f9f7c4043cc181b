package records

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
	"time"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errChecksum = errors.New("checksum does not match")
	errVersion  = errors.New("written by a newer version")
	errFields   = errors.New("fields do not fit")
)

// form is how a kind of record is written: a version byte, its fields, and a CRC-32C of the key
// and all before it; the key is in it so that a record which turns up elsewhere is not taken for
// that one. New fields get a new version, and readers keep all old ones.
type form[T any] struct {
	version byte
	size    int // about how many bytes a record has
	fields  func(c *coder, v *T)
}

// encode returns the record that is to be stored under key.
func (f form[T]) encode(key []byte, v *T) []byte {
	c := coder{b: append(make([]byte, 0, f.size), f.version), version: f.version}
	f.fields(&c, v)
	return binary.LittleEndian.AppendUint32(c.b, checksum(key, c.b))
}

// decode reads what stands under key.
func (f form[T]) decode(key, record []byte) (v T, err error) {
	end := len(record) - crc32.Size
	if end < 1 || binary.LittleEndian.Uint32(record[end:]) != checksum(key, record[:end]) {
		return v, errChecksum
	}
	if record[0] < 1 || record[0] > f.version {
		return v, errVersion
	}
	c := coder{b: record[1:end], reading: true, version: record[0]}
	f.fields(&c, &v)
	if len(c.b) > 0 {
		c.misfit()
	}
	return v, c.err
}

func checksum(key, content []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, content)
}

// coder writes fields to a record or reads them from it, so that they are listed once for both.
// Integers are varints; strings and bytes are preceded by their length; a time is the
// microseconds since year 1, so that the zero time is one byte. After the first field that does
// not fit, all that are read are zero.
type coder struct {
	b       []byte // what was written, or is left to be read
	reading bool
	version byte
	err     error
}

func (c *coder) misfit() { c.b, c.err = nil, errFields }

func (c *coder) int64(v *int64) {
	if !c.reading {
		c.b = binary.AppendVarint(c.b, *v)
		return
	}
	n, size := binary.Varint(c.b)
	if size <= 0 {
		c.misfit()
		return
	}
	*v, c.b = n, c.b[size:]
}

func (c *coder) int(v *int) {
	n := int64(*v)
	c.int64(&n)
	*v = int(n)
}

var zeroMicro = time.Time{}.UnixMicro()

func (c *coder) time(t *time.Time) {
	micro := t.UnixMicro() - zeroMicro
	c.int64(&micro)
	if c.reading {
		*t = time.UnixMicro(micro + zeroMicro).UTC()
	}
}

// take reads so many bytes, or none.
func (c *coder) take(n uint64) []byte {
	if n > uint64(len(c.b)) {
		c.misfit()
		return nil
	}
	p := c.b[:n:n]
	c.b = c.b[n:]
	return p
}

// raw is as many bytes as p has.
func (c *coder) raw(p []byte) {
	if !c.reading {
		c.b = append(c.b, p...)
		return
	}
	copy(p, c.take(uint64(len(p))))
}

func (c *coder) bool(v *bool) {
	var p [1]byte
	if *v {
		p[0] = 1
	}
	c.raw(p[:])
	*v = p[0] == 1
}

// field reads bytes that are preceded by their length.
func (c *coder) field() []byte {
	size, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.misfit()
		return nil
	}
	c.b = c.b[n:]
	return c.take(size)
}

func (c *coder) str(s *string) {
	if !c.reading {
		c.b = append(binary.AppendUvarint(c.b, uint64(len(*s))), *s...)
		return
	}
	*s = string(c.field())
}

// bytes reads a copy, nil if there are none: the record's memory may be the engine's.
func (c *coder) bytes(p *[]byte) {
	if !c.reading {
		c.b = append(binary.AppendUvarint(c.b, uint64(len(*p))), *p...)
		return
	}
	*p = append([]byte(nil), c.field()...)
}

// count is how many things follow, each of at least size bytes.
func (c *coder) count(n, size int) int {
	c.int(&n)
	if c.reading && (n < 0 || n > len(c.b)/size) {
		c.misfit()
		return 0
	}
	return n
}

// optional is a flag, and behind it the fields unless *v is nil.
func optional[T any](c *coder, v **T, fields func(v *T)) {
	there := *v != nil
	c.bool(&there)
	if !there {
		return
	}
	if c.reading {
		*v = new(T)
	}
	fields(*v)
}

// list is a count, and the fields of each, which take at least size bytes.
func list[T any](c *coder, v *[]T, size int, fields func(v *T)) {
	n := c.count(len(*v), size)
	if c.reading && n > 0 {
		*v = make([]T, n)
	}
	for i := range n {
		fields(&(*v)[i])
	}
}

// dict is a list of keys and values, by key.
func dict[M ~map[K]V, K comparable, V any](c *coder, m *M, size int, compare func(a, b K) int, fields func(k *K, v *V)) {
	n := c.count(len(*m), size)
	if !c.reading {
		for _, k := range slices.SortedFunc(maps.Keys(*m), compare) {
			v := (*m)[k]
			fields(&k, &v)
		}
		return
	}
	if n > 0 {
		*m = make(M, n)
	}
	for range n {
		var k K
		var v V
		fields(&k, &v)
		(*m)[k] = v
	}
}
