package config

import (
	"fmt"

	"github.com/secondgate/secondgate/internal/directive"
)

// Error is a setting that cannot stand: its path by JSON names, and what would be right.
type Error = directive.Error

func wrong(where, format string, args ...any) error {
	return &Error{Where: where, Problem: fmt.Sprintf(format, args...)}
}

// each checks the elements of a list and says which one is wrong.
func each[T any](where string, list []T, check func(T) error) error {
	for i, v := range list {
		if err := check(v); err != nil {
			return directive.At(fmt.Sprintf("%s.%d", where, i), err)
		}
	}
	return nil
}

// first returns the first error of checks that are cheap enough to run all.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
