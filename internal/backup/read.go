package backup

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/secondgate/secondgate/internal/store"
)

// Reader reads the decrypted content of a backup.
type Reader struct {
	Header Header
	in     *bufio.Reader
	read   int // records
}

// NewReader reads the header of a decrypted backup.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, maxHeader)
	first, err := in.ReadSlice('\n')
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return nil, err
	}
	if string(first) != magic {
		return nil, ErrNotBackup
	}
	line, err := in.ReadSlice('\n')
	if err != nil {
		return nil, notWhole(err)
	}
	b := &Reader{in: in}
	if err := json.Unmarshal(line, &b.Header); err != nil {
		return nil, fmt.Errorf("%w (its header can't be read)", ErrDamaged)
	}
	if b.Header.Format != format {
		return nil, fmt.Errorf("%w (its format is %d, this version reads %d)", ErrVersion, b.Header.Format, format)
	}
	return b, nil
}

// Next returns the next record, which does not share memory with others. It returns io.EOF
// only after all records that the header announces were read; of an encrypted file, all of
// it was authentic then.
func (b *Reader) Next() (store.Raw, error) {
	size, err := binary.ReadUvarint(b.in)
	if errors.Is(err, io.EOF) {
		return store.Raw{}, b.end()
	}
	if err != nil {
		return store.Raw{}, notWhole(err)
	}
	r := store.Raw{}
	if r.Key, err = b.bytes(size, maxKey); err != nil {
		return store.Raw{}, err
	}
	if size, err = binary.ReadUvarint(b.in); err != nil {
		return store.Raw{}, notWhole(err)
	}
	if r.Value, err = b.bytes(size, maxValue); err != nil {
		return store.Raw{}, err
	}
	expires, err := binary.ReadUvarint(b.in)
	if err != nil {
		return store.Raw{}, notWhole(err)
	}
	if expires > 0 {
		r.Expires = time.Unix(int64(expires), 0)
	}
	b.read++
	return r, nil
}

func (b *Reader) end() error {
	if b.read != b.Header.Records {
		return fmt.Errorf("%w (%d of its %d records are there)", ErrDamaged, b.read, b.Header.Records)
	}
	return io.EOF
}

func (b *Reader) bytes(size, limit uint64) ([]byte, error) {
	if size > limit {
		return nil, ErrDamaged
	}
	p := make([]byte, size)
	if _, err := io.ReadFull(b.in, p); err != nil {
		return nil, notWhole(err)
	}
	return p, nil
}

// notWhole replaces an end of file within a record by ErrDamaged. Other errors are read
// errors of the file and are returned unchanged.
func notWhole(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, bufio.ErrBufferFull) {
		return ErrDamaged
	}
	return err
}
