package whoami

import (
	"bytes"
	"errors"
	"io"

	"github.com/secondgate/secondgate/internal/contentcoding"
)

// decompress decompresses a body with one of the codings that browsers support. Some portals
// compress a body although the question accepts identity only.
func decompress(body []byte, encodings []string) ([]byte, error) {
	name, err := contentcoding.Name(encodings)
	if err != nil && len(body) > 0 {
		return nil, errors.New("the body is compressed in a way that is not understood; the portal was asked for identity")
	}
	if name == "" || len(body) == 0 {
		return body, nil
	}
	r, err := contentcoding.NewReader(name, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the body can't be decompressed")
	}
	defer r.Close()
	plain, err := io.ReadAll(io.LimitReader(r, maxBody+1))
	switch {
	case err != nil:
		return nil, errors.New("the body can't be decompressed")
	case len(plain) > maxBody:
		return nil, errTooLarge
	}
	return plain, nil
}
