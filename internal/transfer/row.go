package transfer

// row has one user's fields by name, unchanged from the file. Empty fields are left out. The
// elements of a list are joined with semicolons.
type row struct {
	line   int
	fields map[string]string
}

// rows reads a file row by row.
type rows interface {
	// next returns a row, or a problem of one line, after which the next row can be read,
	// or an error: io.EOF at the end, any other about the file as a whole.
	next() (row, *Problem, error)
}

// The names of the fields.
const (
	fieldUser         = "user"
	fieldSecret       = "secret"
	fieldEncoding     = "encoding"
	fieldAlgorithm    = "algorithm"
	fieldDigits       = "digits"
	fieldPeriod       = "period"
	fieldURI          = "uri"
	fieldCodes        = "backup_codes"
	fieldBackupRealm  = "backup_realm"
	fieldBackupScheme = "backup_scheme"
	fieldBackupSalt   = "backup_salt"
	fieldBackupHashes = "backup_hashes"
	fieldBackupTotal  = "backup_total"
)

// known are all fields that a file may have.
var known = []string{
	fieldUser, fieldSecret, fieldEncoding, fieldAlgorithm, fieldDigits, fieldPeriod, fieldURI, fieldCodes,
	fieldBackupRealm, fieldBackupScheme, fieldBackupSalt, fieldBackupHashes, fieldBackupTotal,
}
