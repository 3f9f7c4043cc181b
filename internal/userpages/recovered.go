package userpages

import (
	"time"

	"github.com/secondgate/secondgate/internal/factor"
)

// recoveredTime is for how long after the challenge a recovery code lets its user begin
// with a new authenticator.
const recoveredTime = time.Hour

// recovered reports whether this visit was opened by a recovery code of staff just now.
// Then the authenticator may be replaced without another fresh code (ASVS 7.5.1): the
// recovery code was one, and who had to ask for it has no other. It may be so once: what
// is confirmed ends this clearance, like all others, and gives one of another kind.
// Nothing else that wants a fresh code goes without.
func (c *call) recovered() bool {
	if !c.cleared() || c.v.Clearance.Factor != factor.KindRecovery {
		return false
	}
	age := c.Clock().Sub(c.v.Clearance.At)
	return age >= 0 && age < recoveredTime
}

// afterRecovery leads to the settings, which say what to do now, wherever the customer
// was going.
func (c *call) afterRecovery() {
	returnField.Drop(c.browser())
	c.to("/")
}
