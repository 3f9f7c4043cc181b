package factor

import (
	"errors"

	"github.com/secondgate/secondgate/internal/meter"
)

// measure counts the result of an attempt in the metrics.
func (s *Service) measure(a Attempt, accepted Accepted, err error) {
	kind := a.Kind
	if err == nil {
		kind = accepted.Kind
	}
	s.Meter.Challenge(kind, result(err))
	var throttled *Throttled
	if errors.As(err, &throttled) {
		s.Meter.Throttle(throttledBy(throttled))
	}
	if err == nil && kind == KindTOTP {
		s.Meter.Step(-accepted.steps())
		s.Drift.Note(s.realm, a.User, accepted.Age, accepted.Period)
	}
}

// steps returns the age of the code in steps; negative for a code of a later step.
func (a Accepted) steps() int64 {
	n := int64(a.Age / a.Period)
	if a.Age < 0 && a.Age%a.Period != 0 {
		n--
	}
	return n
}

// throttledBy returns the label of a wait in the metrics: that of an address or of a user.
func throttledBy(t *Throttled) string {
	if t.address {
		return meter.ByAddress
	}
	return meter.ByUser
}

// result returns the label under which the result of an attempt is counted.
func result(err error) string {
	switch {
	case err == nil:
		return meter.Passed
	case errors.Is(err, ErrWrongCode):
		return meter.Wrong
	case errors.Is(err, ErrMalformed):
		return meter.Malformed
	case errors.Is(err, ErrOff):
		return meter.Off
	case errors.As(err, new(*Throttled)):
		return meter.Throttled
	}
	return meter.Failed
}

func (s *Service) measureEnrolment(e Enrolment) {
	kind := meter.First
	if e.Replaces != "" {
		kind = meter.Replacement
	}
	s.Meter.Enrolment(kind)
}
