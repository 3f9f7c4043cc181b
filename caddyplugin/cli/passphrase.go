package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"unicode/utf8"
)

// passphrase reads the first line of a file, or asks if file is "". fresh means that the
// passphrase is a new one: it must have the minimum length, and a terminal asks for it twice,
// because a backup encrypted with a mistyped one could never be read.
func (p prompt) passphrase(ctx context.Context, file string, fresh bool) (string, error) {
	if file != "" {
		text, err := firstLine(file)
		if err == nil && fresh {
			err = longEnough(text)
		}
		return text, err
	}
	text, err := p.secret(ctx, "Passphrase (not shown): ")
	if err != nil {
		return "", fmt.Errorf("the passphrase can't be read: it is one line of at most %d bytes", maxLine)
	}
	if text == "" {
		return "", errors.New("no passphrase: give one at the prompt, on standard input, or with --passphrase-file; or name a key, with --recipient to make a backup and --identity to restore one")
	}
	if fresh {
		if err := longEnough(text); err != nil {
			return "", err
		}
	}
	if _, screen := p.terminal(); !screen || !fresh {
		return text, nil
	}
	again, err := p.secret(ctx, "The same again: ")
	if err != nil {
		return "", err
	}
	if again != text {
		return "", errors.New("the two passphrases differ")
	}
	return text, nil
}

// leastPassphrase is the minimum length of a new passphrase, in characters. An attacker who
// has a backup can try passphrases without any limit.
const leastPassphrase = 12

func longEnough(text string) error {
	if n := utf8.RuneCountInString(text); n < leastPassphrase {
		return fmt.Errorf("the passphrase has %d characters; want at least %d, such as four or more words drawn at random", n, leastPassphrase)
	}
	return nil
}

func firstLine(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("the passphrase can't be read: %w", err)
	}
	defer f.Close()
	line, err := prompt{in: f}.line()
	if err != nil {
		return "", fmt.Errorf("the passphrase in %s can't be read: it is one line of at most %d bytes", file, maxLine)
	}
	if line == "" {
		return "", fmt.Errorf("the first line of %s is empty: it should be the passphrase", file)
	}
	return line, nil
}
