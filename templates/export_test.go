package templates

import (
	"maps"
	"slices"
)

// LetterKinds returns the kinds of all letters.
func LetterKinds() []string { return slices.Sorted(maps.Keys(words)) }
