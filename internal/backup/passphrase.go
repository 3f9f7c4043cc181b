package backup

import (
	"fmt"
	"strconv"

	"filippo.io/age"
)

// WorkFactor is the base-2 logarithm of scrypt's work for a passphrase, and age's default.
// Backups are written with it. A file states its own work factor, so one with a larger
// factor is not opened: it could use up the memory. 18 takes 256 MiB and half a second, 22
// takes 4 GiB.
const WorkFactor = 18

// PassphraseRecipient encrypts with a passphrase.
func PassphraseRecipient(passphrase string) (age.Recipient, error) {
	to, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	to.SetWorkFactor(WorkFactor)
	return to, nil
}

// PassphraseIdentity opens what was encrypted with the passphrase, up to WorkFactor.
func PassphraseIdentity(passphrase string) (age.Identity, error) {
	with, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	with.SetMaxWorkFactor(WorkFactor)
	return bounded{with}, nil
}

// bounded is an identity that returns ErrWorkFactor, with a remedy, before age refuses a
// larger work factor with an error of its own.
type bounded struct{ *age.ScryptIdentity }

// Unwrap implements age.Identity.
func (b bounded) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if s.Type != "scrypt" || len(s.Args) != 2 {
			continue
		}
		if n, err := strconv.Atoi(s.Args[1]); err == nil && n > WorkFactor {
			return nil, fmt.Errorf("%w (it asks for work factor %d, at most %d is accepted: decrypt it on another machine "+
				"with `age --decrypt`, and encrypt it again with `age --encrypt --passphrase`)", ErrWorkFactor, n, WorkFactor)
		}
	}
	return b.ScryptIdentity.Unwrap(stanzas)
}
