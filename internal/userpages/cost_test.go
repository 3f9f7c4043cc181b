package userpages

import "github.com/secondgate/secondgate/internal/factor"

// Every set-up computes ten hashes. These tests use a low cost; the tests of internal/factor check
// the real one.
func init() { factor.CheapHashes() }
