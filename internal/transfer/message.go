package transfer

// Message is one line of JSON in a running server's response to an import. Exactly one of
// its fields is set. The last line is a summary.
type Message struct {
	Problem  *Problem  `json:"problem,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
	Summary  *Summary  `json:"summary,omitempty"`
}

// Progress tells how many of the users are checked or written.
type Progress struct {
	Phase string `json:"phase"`
	Done  int    `json:"done"`
	Of    int    `json:"of"`
}

// The phases of an import.
const (
	PhaseCheck = "checking"
	PhaseWrite = "importing"
)

// Summary is the result of an import.
type Summary struct {
	Realm  string `json:"realm"`
	DryRun bool   `json:"dry_run"`
	// Lines is the number of users in the file, Refused that of lines with problems, and
	// Warnings that of warnings.
	Lines    int `json:"lines"`
	Refused  int `json:"refused"`
	Warnings int `json:"warnings"`
	// Counts are the users who were imported or, in a dry run, would be.
	Counts Counts `json:"users"`
	// Imported says that the whole file was imported.
	Imported bool `json:"imported"`
	// Error is why the import stopped midway. The users in Counts are imported then.
	Error string `json:"error,omitempty"`
}
