package transfer

import (
	"encoding/base32"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"io"
	"strconv"
	"strings"

	"github.com/secondgate/secondgate/internal/factor"
)

// exported is one user of an export. Its JSON names are those of the package's fields.
type exported struct {
	User      string   `json:"user"`
	Secret    string   `json:"secret"`
	Algorithm string   `json:"algorithm"`
	Digits    int      `json:"digits"`
	Period    int      `json:"period"`
	Realm     string   `json:"backup_realm,omitempty"`
	Scheme    string   `json:"backup_scheme,omitempty"`
	Salt      string   `json:"backup_salt,omitempty"`
	Hashes    []string `json:"backup_hashes,omitempty"`
	Total     int      `json:"backup_total,omitempty"`
}

func export(realm string, in *factor.Import) exported {
	out := exported{
		User: in.User, Secret: base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(in.Secret),
		Algorithm: in.Algorithm, Digits: in.Digits, Period: in.Period,
	}
	if in.Kept == nil {
		return out
	}
	out.Realm, out.Scheme, out.Total = realm, factor.BackupScheme, in.Kept.Total
	out.Salt = hex.EncodeToString(in.Kept.Salt)
	for _, hash := range in.Kept.Hashes {
		out.Hashes = append(out.Hashes, hex.EncodeToString(hash))
	}
	return out
}

// Writer writes users in the form that Read reads.
type Writer struct {
	realm string
	json  *json.Encoder
	csv   *csv.Writer
}

// NewWriter begins an export of a realm.
func NewWriter(w io.Writer, format, realm string) (*Writer, error) {
	if format == JSONL {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return &Writer{realm: realm, json: enc}, nil
	}
	out := &Writer{realm: realm, csv: csv.NewWriter(w)}
	return out, out.csv.Write([]string{
		fieldUser, fieldSecret, fieldAlgorithm, fieldDigits, fieldPeriod,
		fieldBackupRealm, fieldBackupScheme, fieldBackupSalt, fieldBackupHashes, fieldBackupTotal,
	})
}

// Write adds a user.
func (w *Writer) Write(in *factor.Import) error {
	e := export(w.realm, in)
	if w.json != nil {
		return w.json.Encode(e)
	}
	total := ""
	if e.Total > 0 {
		total = strconv.Itoa(e.Total)
	}
	return w.csv.Write([]string{
		e.User, e.Secret, e.Algorithm, strconv.Itoa(e.Digits), strconv.Itoa(e.Period),
		e.Realm, e.Scheme, e.Salt, strings.Join(e.Hashes, ";"), total,
	})
}

// Flush writes what is buffered. It must be called after the last Write.
func (w *Writer) Flush() error {
	if w.csv == nil {
		return nil
	}
	w.csv.Flush()
	return w.csv.Error()
}
