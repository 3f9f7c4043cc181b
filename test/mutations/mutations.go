// Package mutations is the proof that the tests can fail: a list of this project's
// defences, each with the change that takes it out and the test that must fail then.
//
// Its one invariant: every entry still applies, in exactly one place. Run them all with
//
//	SECONDGATE_MUTATIONS=all go test -timeout 3h ./test/mutations
//
// and a part of them, another for every commit, with a number instead of all.
package mutations

import "slices"

// Mutation takes one defence out.
type Mutation struct {
	// Row says where the defence is asked for: a row of the threat model, or a rule of the
	// design.
	Row string
	// Defence is what is taken out, in words.
	Defence string
	// File is the source, from the project's root. In it Old, which occurs once, becomes
	// New; the result compiles.
	File, Old, New string
	// Package and Test are what must fail then: a directory from the project's root and
	// the name of one test in it.
	Package, Test string
}

// All are the defences, by the rooms of the house that they are in.
func All() []Mutation {
	return slices.Concat(seal, ask, gate, codes, store, pages, protocol, kinds, learning, inserted, spa, presets, check, observe, monitoring, transfer, desk, keeping, staffPages, sessions, late,
		audited, mailed, exemptions, edge, questions, kept, bounds, witnessed, slips, commands, history, mend)
}
