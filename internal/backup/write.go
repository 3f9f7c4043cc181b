package backup

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/secondgate/secondgate/internal/rotation"
	"github.com/secondgate/secondgate/internal/store"
)

// Write writes a snapshot of the store to w and returns its header. It does not encrypt; see
// Encrypt. It reads the snapshot twice, to count the records and to write them, and keeps no
// records in memory.
func Write(ctx context.Context, w io.Writer, st store.Store, engine string, now time.Time) (h Header, err error) {
	err = st.Snapshot(ctx, func(s store.Snapshot) error {
		if h, err = header(s); err != nil {
			return err
		}
		h.Engine, h.Made = engine, now.UTC()
		return write(w, h, s)
	})
	if err != nil {
		return h, fmt.Errorf("writing the backup: %w", err)
	}
	return h, nil
}

func header(s store.Snapshot) (h Header, err error) {
	h.Format = format
	if h.Records, err = s.Records(); err != nil {
		return h, err
	}
	id, err := s.Meta(store.MetaID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return h, err
	}
	h.Store = string(id)
	raw, err := s.Meta(store.MetaKeys)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return h, err
	}
	h.Keys, err = rotation.KeysIn(raw)
	return h, err
}

func write(w io.Writer, h Header, s store.Snapshot) error {
	out := bufio.NewWriterSize(w, 64<<10)
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	// Errors of a bufio.Writer stick until Flush.
	out.WriteString(magic)
	out.Write(append(line, '\n'))
	err = s.Each(func(r store.Raw) error { return writeRecord(out, r) })
	return errors.Join(err, out.Flush())
}

func writeRecord(out *bufio.Writer, r store.Raw) error {
	var expires uint64
	if !r.Expires.IsZero() {
		expires = uint64(r.Expires.Unix())
	}
	b := out.AvailableBuffer()
	b = binary.AppendUvarint(b, uint64(len(r.Key)))
	b = append(b, r.Key...)
	b = binary.AppendUvarint(b, uint64(len(r.Value)))
	b = append(b, r.Value...)
	b = binary.AppendUvarint(b, expires)
	_, err := out.Write(b)
	return err
}
