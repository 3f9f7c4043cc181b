package factor

import "testing"

// Every set-up computes ten hashes. Their real cost is the matter of TestASVS_6_5_2_Hash.
func init() { CheapHashes() }

// realHashes has hashes cost during a test what they cost users.
func realHashes(t *testing.T) {
	t.Helper()
	hashMemory = argonMemory
	t.Cleanup(CheapHashes)
}
