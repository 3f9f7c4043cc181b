package caddyplugin

import (
	"strconv"
	"strings"

	"github.com/secondgate/secondgate/config"
)

// text reads exactly one argument that is not empty.
func (p *siteParser) text(to *string) func() error {
	return func() error {
		if !p.AllArgs(to) || *to == "" {
			return errArguments
		}
		return nil
	}
}

// list reads one argument or more.
func (p *siteParser) list(to *[]string) func() error {
	return func() error {
		*to = p.RemainingArgs()
		if len(*to) == 0 {
			return errArguments
		}
		return nil
	}
}

// flag reads nothing: the word alone says it.
func (p *siteParser) flag(to *bool) func() error {
	return func() error {
		*to = !p.NextArg()
		if !*to {
			return errArguments
		}
		return nil
	}
}

// number reads exactly one whole number.
func (p *siteParser) number() (int, error) {
	var s string
	if !p.AllArgs(&s) {
		return 0, errArguments
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, problemf("%q is not a whole number; want for example 10", s)
	}
	return n, nil
}

// count reads a number for which 0 would mean the default, so that 0 is refused here.
func (p *siteParser) count(to *int) func() error {
	return func() (err error) {
		if *to, err = p.number(); err != nil {
			return err
		}
		if *to == 0 {
			return problemf("0 is out of bounds; leave it out for the default")
		}
		return nil
	}
}

// countOrZero reads a number for which 0 has a meaning of its own.
func (p *siteParser) countOrZero(to **int) func() error {
	return func() error {
		n, err := p.number()
		*to = &n
		return err
	}
}

// duration reads a time for which 0 would mean the default, so that 0 is refused here.
func (p *siteParser) duration(to *config.Duration) func() error {
	return func() error {
		var s string
		if !p.AllArgs(&s) {
			return errArguments
		}
		return p.parseDuration(s, to)
	}
}

// durationOrZero reads a time for which 0 has a meaning of its own.
func (p *siteParser) durationOrZero(to **config.Duration) func() error {
	return func() error {
		var s string
		if !p.AllArgs(&s) {
			return errArguments
		}
		d, err := config.ParseDuration(s)
		if err != nil {
			return problemf("%w", err)
		}
		*to = &d
		return nil
	}
}

func (p *siteParser) parseDuration(s string, to *config.Duration) error {
	d, err := config.ParseDuration(s)
	if err != nil {
		return problemf("%w", err)
	}
	if d <= 0 {
		return problemf("%q is out of bounds; want for example 30s, or leave it out for the default", s)
	}
	*to = d
	return nil
}

// parseRate reads COUNT/TIME, as 30/10m.
func (p *siteParser) parseRate(s string) (*config.Rate, error) {
	count, per, _ := strings.Cut(s, "/")
	n, err := strconv.Atoi(count)
	if err != nil {
		return nil, problemf("%q is not a number in a time; want for example 30/10m", s)
	}
	rate := &config.Rate{Count: n}
	if err := p.parseDuration(per, &rate.Per); err != nil {
		return nil, problemf("%q is not a number in a time; want for example 30/10m", s)
	}
	return rate, nil
}
