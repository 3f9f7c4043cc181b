package caddyplugin

import "github.com/secondgate/secondgate/config"

// parseSession reads session LIFE [idle IDLE].
func (p *siteParser) parseSession() error {
	s := new(config.Session)
	p.site.Session = s
	args := p.RemainingArgs()
	if len(args) != 1 && (len(args) != 3 || args[1] != "idle") {
		return errArguments
	}
	if err := p.parseDuration(args[0], &s.Life); err != nil || len(args) == 1 {
		return err
	}
	return p.parseDuration(args[2], &s.Idle)
}

// parseTOTP reads:
//
//	totp {
//		digits    6|8
//		period    DURATION
//		algorithm SHA1|SHA256|SHA512
//		skew      0|1
//	}
func (p *siteParser) parseTOTP() error {
	t := new(config.TOTP)
	p.site.TOTP = t
	return p.parseBlockOnly("totp", table{
		"digits":    {usage: "digits 6|8", parse: p.count(&t.Digits)},
		"period":    {usage: "period DURATION", parse: p.duration(&t.Period)},
		"algorithm": {usage: "algorithm SHA1|SHA256|SHA512", parse: p.text(&t.Algorithm)},
		"skew":      {usage: "skew 0|1", parse: p.countOrZero(&t.Skew)},
	})
}

// parseThrottle reads:
//
//	throttle {
//		free    COUNT
//		wait    DURATION
//		max     DURATION
//		stop    COUNT
//		address COUNT/DURATION
//	}
func (p *siteParser) parseThrottle() error {
	t := new(config.Throttle)
	p.site.Throttle = t
	return p.parseBlockOnly("throttle", table{
		"free":    {usage: "free COUNT", parse: p.countOrZero(&t.Free)},
		"wait":    {usage: "wait DURATION", parse: p.duration(&t.Wait)},
		"max":     {usage: "max DURATION", parse: p.duration(&t.Max)},
		"stop":    {usage: "stop COUNT", parse: p.count(&t.Stop)},
		"address": {usage: "address COUNT/DURATION", parse: p.address(t)},
	})
}

func (p *siteParser) address(t *config.Throttle) func() error {
	return func() (err error) {
		var s string
		if !p.AllArgs(&s) {
			return errArguments
		}
		t.Address, err = p.parseRate(s)
		return err
	}
}
