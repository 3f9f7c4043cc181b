package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/secondgate/secondgate/internal/store"
)

// Line is the JSON form of an entry, in lists and exports. Event has exactly the bytes that
// were hashed. Hash is the SHA-256 of prev (decoded), seq (8 bytes, big-endian) and event.
type Line struct {
	Seq   uint64          `json:"seq"`
	Prev  string          `json:"prev"`
	Hash  string          `json:"hash"`
	Event json.RawMessage `json:"event"`
}

// LineOf returns the line of an entry.
func LineOf(e *store.Entry) Line {
	return Line{e.Seq, hex.EncodeToString(e.Prev[:]), hex.EncodeToString(e.Hash[:]), e.Raw}
}

// entry returns the entry of a line.
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

// Export writes all entries that match a query as JSON lines, the oldest first. It ignores the
// query's After, Limit and Newest.
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

// maxLine is the maximal length of a line of an export, in bytes.
const maxLine = 2 << 20

// ErrNoEntry is the error of VerifyExport for a file without entries, which proves nothing.
var ErrNoEntry = errors.New("there is no entry in it, so nothing can be verified: an export of a log with any entry has a line for each; export it again")

// VerifyExport verifies the output of Export for a query without filters. It can't verify the
// entries before the first one of the export. Each line must have exactly the bytes that
// Export writes, because other programs may read another spelling differently, for example a
// field that is present twice. VerifyExport returns an error if r is not an export; a broken
// chain is part of the report.
func VerifyExport(r io.Reader, heads ...Head) (Report, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	lines.Split(wholeLines)
	var v *verifier
	n := 0
	for lines.Scan() {
		n++
		e, err := parseLine(lines.Bytes())
		if err != nil {
			return Report{}, fmt.Errorf("line %d is not an entry of an exported audit log: %w", n, err)
		}
		if v == nil {
			v = newVerifier(store.Entry{Seq: e.Seq - 1, Hash: e.Prev}, heads)
		}
		if !canonical(lines.Bytes(), &e) {
			v.breaks(e.Seq, "entry %d is not written as it was exported: a field may be there twice, unknown, or spelled in another way, so that other programs read something else there; export the log again, with this version", e.Seq)
		}
		if !v.OK() || !v.next(e) {
			break
		}
	}
	if err := lines.Err(); err != nil {
		return Report{}, fmt.Errorf("line %d: %w", n+1, err)
	}
	if v == nil {
		return Report{}, ErrNoEntry
	}
	return v.end(), nil
}

// wholeLines is a bufio.SplitFunc that returns each line with its line end. bufio.ScanLines
// would drop the line end, and a CR before it.
func wholeLines(data []byte, atEOF bool) (int, []byte, error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return len(data), data, nil
	}
	return 0, nil, nil
}

func parseLine(raw []byte) (store.Entry, error) {
	var line Line
	if err := json.Unmarshal(raw, &line); err != nil {
		return store.Entry{}, err
	}
	return line.entry()
}

// canonical reports whether a line has exactly the bytes that Export writes for the entry, and
// its event those that the store writes.
func canonical(line []byte, e *store.Entry) bool {
	var whole bytes.Buffer
	if err := json.NewEncoder(&whole).Encode(LineOf(e)); err != nil || !bytes.Equal(whole.Bytes(), line) {
		return false
	}
	event, err := json.Marshal(e.Event)
	return err == nil && bytes.Equal(plain(event), plain(e.Raw))
}

// plain replaces the escape \ufffd with the character U+FFFD. The store writes the escape for
// bytes that are not UTF-8; after parsing it can't be told from the character itself.
func plain(event []byte) []byte {
	return bytes.ReplaceAll(event, []byte(`\ufffd`), []byte("\ufffd"))
}
