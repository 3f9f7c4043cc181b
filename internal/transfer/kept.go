package transfer

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/secondgate/secondgate/internal/factor"
	"github.com/secondgate/secondgate/internal/store"
)

// The sizes, in bytes, of the salt and of each hash with which an export replaces backup
// codes.
const (
	saltSize = 16
	hashSize = 32
)

// readKept reads the hashes of backup codes from an export. Hashes of another realm are left
// out with a note: the realm and the user are hashed together with the code, so these codes
// are not valid here.
func (p *parser) readKept(fields map[string]string, in *factor.Import) (set *store.BackupSet, note, bad *fault) {
	hashes := list(fields[fieldBackupHashes])
	if len(hashes) == 0 {
		return nil, nil, nil
	}
	if len(in.Codes) > 0 {
		return nil, nil, &fault{fieldBackupHashes, "are given together with backup_codes; want one of the two"}
	}
	if scheme := strings.TrimSpace(fields[fieldBackupScheme]); scheme != factor.BackupScheme {
		return nil, nil, &fault{fieldBackupScheme, fmt.Sprintf("%.60q is unknown; want %q", scheme, factor.BackupScheme)}
	}
	if len(hashes) > maxCodes {
		return nil, nil, &fault{fieldBackupHashes, fmt.Sprintf("are more than %d", maxCodes)}
	}
	set = new(store.BackupSet)
	if set.Salt, bad = hexOf(fieldBackupSalt, fields[fieldBackupSalt], saltSize); bad != nil {
		return nil, nil, bad
	}
	for _, text := range hashes {
		hash, bad := hexOf(fieldBackupHashes, text, hashSize)
		if bad != nil {
			return nil, nil, bad
		}
		set.Hashes = append(set.Hashes, hash)
	}
	if set.Total, bad = number(fields, fieldBackupTotal, len(hashes), len(hashes), maxCodes); bad != nil {
		return nil, nil, bad
	}
	if realm := fields[fieldBackupRealm]; realm != p.realm {
		return nil, &fault{fieldBackupRealm, "the backup codes are from another realm and valid only there; they are left out, and the customer has to generate new ones"}, nil
	}
	return set, nil, nil
}

func hexOf(field, text string, size int) ([]byte, *fault) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != size {
		return nil, &fault{field, "want " + strconv.Itoa(size) + " bytes in hexadecimal, as an export writes them"}
	}
	return b, nil
}
