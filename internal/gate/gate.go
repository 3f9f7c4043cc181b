// Package gate decides what happens to a request, and later to its response. It maps facts to an
// action as a pure function: it uses no clock, no store and no HTTP.
//
// Forward with credentials is only returned for an answer that is anonymous, for a user who owes
// no second factor, or for a visit with a clearance for that user. Unknown facts are refused.
// Packages gateway and observe call it.
package gate

// Answer is the portal's answer about a request's credentials.
type Answer int

// The three answers. The zero value is Unknown, so that a missing answer refuses.
const (
	Unknown Answer = iota
	Anonymous
	User
)

// Standing is what an answer means under the policy.
type Standing struct {
	Answer Answer
	// Enrolled: the user has a second factor. Required: the policy demands one.
	Enrolled, Required bool
	// Cleared: the visit has a clearance for this very user.
	Cleared bool
}

// Owes reports whether the user must present or set up a factor first.
func (s Standing) Owes() bool {
	return s.Answer == User && (s.Enrolled || s.Required) && !s.Cleared
}

// MayPass reports whether a signed-in user may pass: cleared, or owing nothing.
func (s Standing) MayPass() bool { return s.Answer == User && !s.Owes() }

// Action is what the gateway does with a request or a response.
type Action int

// The actions. The zero value refuses.
const (
	// Refuse: the user is unknown; 503.
	Refuse Action = iota
	// Forward with credentials.
	Forward
	// ForwardAnonymous: forward without any credential and release only an asset.
	ForwardAnonymous
	// Challenge: ask for a code.
	Challenge
	// Enrol: only the set-up is reachable.
	Enrol
	// Guest: the visit must sign in at the portal first.
	Guest
	// Upgrade: refuse a tunnel to a stranger.
	Upgrade
	// Retry: it is unknown which user the response was made for, and no user owes a factor now.
	// The browser sends the request again.
	Retry
	// ReloadSignIn: the question invalidated the sign-in form in the response. The browser loads
	// the sign-in page again, with a valid form.
	ReloadSignIn
)

// Request holds the facts about a request before it is forwarded.
type Request struct {
	Standing
	// Asset: its path and query look like a public asset's, or a matcher says so.
	Asset bool
	// Upgrade: a WebSocket or another tunnel. Only users who may pass get one (rule G5).
	Upgrade bool
	// GuestOnly: the site lists what strangers reach; GuestPath: this is on the list.
	GuestOnly, GuestPath bool
}

// Before returns the action for a request that was not yet forwarded.
func Before(q Request) Action {
	switch {
	case q.MayPass():
		return Forward
	case q.Asset && !q.Upgrade:
		return ForwardAnonymous
	case q.Answer == Anonymous:
		return beforeAnonymous(q)
	case q.Answer != User:
		return Refuse
	}
	return debt(q.Standing)
}

func beforeAnonymous(q Request) Action {
	switch {
	case q.GuestOnly && !q.GuestPath:
		return Guest
	case q.Upgrade:
		return Upgrade
	}
	return Forward
}

// debt returns the action for a user who owes a second factor.
func debt(s Standing) Action {
	if s.Enrolled {
		return Challenge
	}
	return Enrol
}
