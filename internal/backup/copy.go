package backup

import (
	"context"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

// Copy decrypts a backup to w and checks all of it. If it returns an error, what was written
// to w must be discarded.
func Copy(ctx context.Context, w io.Writer, r io.Reader, with age.Identity) (Header, error) {
	plain, err := decrypt(r, with)
	if err != nil {
		return Header{}, err
	}
	b, err := NewReader(io.TeeReader(plain, w))
	if err != nil {
		return Header{}, err
	}
	for {
		_, err := b.Next()
		switch {
		case errors.Is(err, io.EOF):
			return b.Header, nil
		case err != nil:
			return b.Header, err
		case ctx.Err() != nil:
			return b.Header, fmt.Errorf("copying the backup: %w", ctx.Err())
		}
	}
}
