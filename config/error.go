package config

import (
	"fmt"
	"strings"
)

// Error is a setting that cannot stand.
type Error struct {
	// Where is the path of the setting by its JSON names, indexes counted from 0:
	// "totp.digits", "whoami.0.anonymous.1".
	Where string
	// Problem names the value and what would be right.
	Problem string
}

// Error reads "totp.digits: 7 …".
func (e *Error) Error() string { return e.Where + ": " + e.Problem }

func wrong(where, format string, args ...any) error {
	return &Error{Where: where, Problem: fmt.Sprintf(format, args...)}
}

// at puts an outer path before that of err.
func at(where string, err error) error {
	if e, ok := err.(*Error); ok {
		return &Error{Where: strings.TrimSuffix(where+"."+e.Where, "."), Problem: e.Problem}
	}
	return err
}

// each checks the elements of a list and says which one is wrong.
func each[T any](where string, list []T, check func(T) error) error {
	for i, v := range list {
		if err := check(v); err != nil {
			return at(fmt.Sprintf("%s.%d", where, i), err)
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
