package config

import (
	"fmt"

	"github.com/secondgate/secondgate/internal/directive"
)

// Error is an invalid setting: its path by JSON names, and what is expected.
type Error = directive.Error

func wrong(where, format string, args ...any) error {
	return &Error{Where: where, Problem: fmt.Sprintf(format, args...)}
}

// each calls check for the elements of a list, and returns the first error with the index of
// its element.
func each[T any](where string, list []T, check func(T) error) error {
	for i, v := range list {
		if err := check(v); err != nil {
			return directive.At(fmt.Sprintf("%s.%d", where, i), err)
		}
	}
	return nil
}

// first returns the first error in errs, or nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
