package userpages

import (
	"time"

	"github.com/secondgate/secondgate/internal/factor"
)

// recoveredTime is how long after a challenge that was passed with a recovery code the user
// may replace the authenticator without another code.
const recoveredTime = time.Hour

// recovered reports whether this visit passed the challenge with a recovery code within
// recoveredTime. The authenticator may then be replaced without another fresh code (ASVS
// 7.5.1), since a user who needed a recovery code has none. This works once: confirming the
// new authenticator ends this clearance and gives one of the kind TOTP. All other changes
// require a fresh code.
func (c *call) recovered() bool {
	if !c.cleared() || c.v.Clearance.Factor != factor.KindRecovery {
		return false
	}
	age := c.Clock().Sub(c.v.Clearance.At)
	return age >= 0 && age < recoveredTime
}

// afterRecovery redirects to the settings, which say what to do now. The page that the
// browser wanted before the challenge is dropped.
func (c *call) afterRecovery() {
	returnField.Drop(c.browser())
	c.to("/")
}
