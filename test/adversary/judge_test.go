package adversary

import (
	"fmt"
	"strings"
	"testing/synctest"
)

// Finding is a broken promise.
type Finding struct{ Rule, Detail string }

// The promises.
const (
	ruleSecret = "the attacker reads what the portal rendered for the victim"
	ruleEnded  = "a session that was ended shows something"
	ruleForm   = "the portal carries out a form as the victim for the attacker"
	ruleOwner  = "the owner can't use the portal"
	ruleLost   = "a form of the owner is lost, or carried out twice"
	ruleFactor = "the attacker changes the victim's factors"
	ruleTwice  = "a code is accepted twice"
	rulePanic  = "the gateway panics"
	ruleStuck  = "a request never ends"
)

// judge looks for broken promises.
func (r *run) judge() *Finding {
	synctest.Wait()
	for _, f := range r.flights {
		if f.over() && f.panicked != "" {
			return &Finding{rulePanic, f.what + ": " + f.panicked}
		}
		if text := f.text(); strings.Contains(text, "SECRET-"+victim) || strings.Contains(text, "USER-"+victim) {
			return &Finding{ruleSecret, f.what}
		}
		if strings.Contains(f.text(), "ENDED-") {
			return &Finding{ruleEnded, f.what}
		}
	}
	forms := 0
	for _, e := range r.portal.executed {
		// Documented limit: a form that is sent before the portal commits a sign-in is forwarded
		// under the answer from before it. Nothing of its response is released.
		if (e.by == "attacker" || e.by == "another site") && e.user == victim && !e.open && (r.world.Commit != "later" || e.note == throughTunnel) {
			return &Finding{ruleForm, "note " + e.note}
		}
		if e.by == "owner" {
			forms++
		}
	}
	if !r.portal.open() && r.gate.db.changed(r.kit.users[0]) {
		return &Finding{ruleFactor, r.flights[len(r.flights)-1].what}
	}
	switch {
	case r.gate.db.twice != "":
		return &Finding{ruleTwice, r.gate.db.twice}
	case r.owner.trouble != "":
		return &Finding{ruleOwner, r.owner.trouble}
	case forms < r.owner.due || forms > r.owner.forms:
		return &Finding{ruleLost, fmt.Sprintf("carried out %d times, sent %d times", forms, r.owner.forms)}
	}
	return nil
}
