package staffpages

import "github.com/secondgate/secondgate/internal/factor"

// Every set-up computes ten hashes. Their cost is the matter of internal/factor's tests.
func init() { factor.CheapHashes() }
