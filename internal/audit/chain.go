package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/secondgate/secondgate/internal/store"
)

// Chain returns the entries of the pending events, numbered and hashed to follow the entry last.
func Chain(last store.Entry, pending [][]byte) ([]store.Entry, error) {
	entries := make([]store.Entry, 0, len(pending))
	for _, raw := range pending {
		event, err := store.UnmarshalEvent(raw)
		if err != nil {
			return nil, fmt.Errorf("reading a pending event: %w", err)
		}
		e := store.Entry{Seq: last.Seq + 1, Prev: last.Hash, Raw: raw, Event: event}
		e.Hash = Hash(e)
		entries, last = append(entries, e), e
	}
	return entries, nil
}

// Hash returns the SHA-256 of the previous entry's hash (32 bytes), the entry's number (8
// bytes, big-endian) and the unchanged bytes of the event's JSON.
func Hash(e store.Entry) [32]byte {
	in := make([]byte, 0, len(e.Prev)+8+len(e.Raw))
	in = append(in, e.Prev[:]...)
	in = binary.BigEndian.AppendUint64(in, e.Seq)
	return sha256.Sum256(append(in, e.Raw...))
}
