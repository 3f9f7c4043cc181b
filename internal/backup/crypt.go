package backup

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
)

// Encrypt returns a writer that encrypts for the recipients. Close writes the end of the
// file; a file without that end can't be restored (ErrDamaged).
func Encrypt(w io.Writer, to ...age.Recipient) (io.WriteCloser, error) {
	return age.Encrypt(w, to...)
}

// ParseRecipients reads public keys as age-keygen prints them (age1…).
func ParseRecipients(list []string) ([]age.Recipient, error) {
	var all []age.Recipient
	for _, one := range list {
		to, err := age.ParseRecipients(strings.NewReader(one))
		if err != nil || strings.HasPrefix(strings.TrimSpace(one), "#") {
			return nil, fmt.Errorf("%q is not a recipient: want the public key that age-keygen prints, age1…", brief(one))
		}
		all = append(all, to...)
	}
	if len(all) == 0 {
		return nil, errors.New("no recipient is named who can read the backup: want at least one, age1…")
	}
	return all, nil
}

// brief shortens text for an error. If a secret key was given by mistake, most of it is left
// out.
func brief(s string) string {
	if len(s) <= 12 {
		return s
	}
	return s[:12] + "…"
}

// Open decrypts a backup with any of the identities and reads its header.
func Open(r io.Reader, with ...age.Identity) (*Reader, error) {
	plain, err := decrypt(r, with...)
	if err != nil {
		return nil, err
	}
	return NewReader(plain)
}

func decrypt(r io.Reader, with ...age.Identity) (io.Reader, error) {
	src := &source{r: r}
	plain, err := age.Decrypt(src, with...)
	var none *age.NoIdentityMatchError
	switch {
	case err == nil:
		return &payload{plain, src}, nil
	case src.err != nil:
		return nil, fmt.Errorf("reading the backup: %w", src.err)
	case errors.Is(err, ErrWorkFactor):
		return nil, err
	case errors.As(err, &none):
		return nil, ErrKey
	case src.begins("age-encryption.org/v"):
		return nil, fmt.Errorf("%w (%v)", ErrDamaged, err)
	}
	return nil, ErrNotBackup
}

// source is the encrypted file. It keeps the first read error and the first bytes, so that
// decrypt can tell an unreadable file from a damaged one and from one that is no backup.
type source struct {
	r     io.Reader
	err   error
	first []byte
}

func (s *source) begins(prefix string) bool { return strings.HasPrefix(string(s.first), prefix) }

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if need := 32 - len(s.first); need > 0 {
		s.first = append(s.first, p[:min(n, need)]...)
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		s.err = err
	}
	return n, err
}

// payload is the decrypted content. It replaces age's errors, which are of many kinds, by
// ErrDamaged, unless the file itself could not be read.
type payload struct {
	r   io.Reader
	src *source
}

func (p *payload) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if err == nil || errors.Is(err, io.EOF) {
		return n, err
	}
	if p.src.err != nil {
		return n, fmt.Errorf("reading the backup: %w", p.src.err)
	}
	return n, ErrDamaged
}
