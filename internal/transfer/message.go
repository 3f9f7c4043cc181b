package transfer

// Message is one line of what a running server answers to an import: exactly one of its
// fields is set, and the last line is a summary.
type Message struct {
	Problem  *Problem  `json:"problem,omitempty"`
	Progress *Progress `json:"progress,omitempty"`
	Summary  *Summary  `json:"summary,omitempty"`
}

// Progress is how many users are checked, or written.
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

// Summary is what came of an import.
type Summary struct {
	Realm  string `json:"realm"`
	DryRun bool   `json:"dry_run"`
	// Lines is how many users the file has, Refused how many lines have problems, Warnings
	// how many warnings there are.
	Lines    int `json:"lines"`
	Refused  int `json:"refused"`
	Warnings int `json:"warnings"`
	// Counts are the users that are imported, or in a dry run those that would be.
	Counts Counts `json:"users"`
	// Imported says that the whole file is.
	Imported bool `json:"imported"`
	// Error is why it broke off; those in Counts are imported.
	Error string `json:"error,omitempty"`
}
