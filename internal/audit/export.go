package audit

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/secondgate/secondgate/internal/store"
)

// Line is an entry as it is listed and exported. Event stands there byte by byte as it
// was hashed: the hash is that of the bytes of prev, of seq in eight bytes, and of event.
type Line struct {
	Seq   uint64          `json:"seq"`
	Prev  string          `json:"prev"`
	Hash  string          `json:"hash"`
	Event json.RawMessage `json:"event"`
}

// LineOf writes an entry.
func LineOf(e *store.Entry) Line {
	return Line{e.Seq, hex.EncodeToString(e.Prev[:]), hex.EncodeToString(e.Hash[:]), e.Raw}
}

// entry reads a line.
func (l Line) entry() (store.Entry, error) {
	e := store.Entry{Seq: l.Seq, Raw: l.Event}
	if l.Seq == 0 {
		return e, errors.New("it has no number")
	}
	for _, part := range []struct {
		to   *[32]byte
		text string
	}{{&e.Prev, l.Prev}, {&e.Hash, l.Hash}} {
		raw, err := hex.DecodeString(part.text)
		if err != nil || len(raw) != len(part.to) {
			return e, fmt.Errorf("%q is no hash", part.text)
		}
		*part.to = [32]byte(raw)
	}
	var err error
	e.Event, err = store.UnmarshalEvent(l.Event)
	return e, err
}

// Export writes the entries that a query is about as JSON lines; its After, Limit and
// Newest don't count: it is always all of them, the oldest first.
func Export(ctx context.Context, st Reader, q store.EntryQuery, w io.Writer) error {
	out := json.NewEncoder(w)
	q.After, q.Limit, q.Newest = "", pageSize, false
	for {
		page, err := st.Entries(ctx, q)
		if err != nil {
			return err
		}
		for i := range page.Entries {
			if err := out.Encode(LineOf(&page.Entries[i])); err != nil {
				return err
			}
		}
		if q.After = page.Next; q.After == "" {
			return nil
		}
	}
}

// maxLine bounds a line of an export, in bytes.
const maxLine = 2 << 20

// VerifyExport verifies what Export wrote without any restriction. Nothing is known of
// what was before its first entry. An error says that it is no export at all.
func VerifyExport(r io.Reader, heads ...Head) (Report, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	var v *verifier
	n := 0
	for lines.Scan() {
		n++
		var line Line
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return Report{}, fmt.Errorf("line %d is no entry of an exported audit log: %w", n, err)
		}
		e, err := line.entry()
		if err != nil {
			return Report{}, fmt.Errorf("line %d is no entry of an exported audit log: %w", n, err)
		}
		if v == nil {
			v = newVerifier(store.Entry{Seq: e.Seq - 1, Hash: e.Prev}, heads)
		}
		if !v.next(e) {
			break
		}
	}
	if err := lines.Err(); err != nil {
		return Report{}, fmt.Errorf("line %d: %w", n+1, err)
	}
	if v == nil {
		v = newVerifier(store.Entry{}, heads)
	}
	return v.end(), nil
}
