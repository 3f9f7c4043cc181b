package gate

// Response holds the facts that decide whether a response is checked before any of it is
// released.
type Response struct {
	// Before is the standing when the request was forwarded.
	Before Standing
	// Credentials: the request carried any.
	Credentials bool
	// Unsafe: the request's method or body may change something. SignIn: the request is a
	// declared sign-in or sign-out, or carries one of the field names of sign_in.
	Unsafe, SignIn bool
	// Unsettled: who is signed in may have changed since the answer before: another request
	// of the visit that may change it is open, or one ended a moment ago.
	Unsettled bool
	// Overlapped: such a request was open at some time since this one began.
	Overlapped bool
	// Sets: the response sets a cookie. Changes: it changes the credentials.
	Sets, Changes bool
	// Redirect: its status is 3xx, but not 304.
	Redirect bool
	// WatchUnsafe and Rotates are the site's `watch unsafe` and `rotates`.
	WatchUnsafe, Rotates bool
}

// Checked reports whether a response must be checked.
func Checked(r Response) bool {
	if r.Before.MayPass() {
		return checkedMayPass(r)
	}
	if r.WatchUnsafe && r.Before.Answer == Anonymous {
		return r.Unsafe || r.SignIn || r.Overlapped || r.Unsettled
	}
	return r.Credentials || r.Sets || r.SignIn
}

func checkedMayPass(r Response) bool {
	if r.Changes || r.Redirect || r.SignIn {
		return true
	}
	return (r.Unsafe || r.Unsettled || r.Overlapped) && !r.Rotates
}

// Suspect reports whether a checked response of a user who may pass could be that of a sign-in.
// The responses that overlap it are then checked as well.
func Suspect(r Response) bool {
	return r.Before.MayPass() && (r.Changes || r.Redirect || r.SignIn)
}

// Exclusive reports whether a request runs exclusive: it is read whole, runs alone among the
// requests that may change who is signed in, and its response is checked. With `rotates`,
// requests of users who may pass run shared.
func Exclusive(s Standing, unsafe, signIn, rotates bool) bool {
	if !unsafe {
		return false
	}
	return signIn || !rotates || !s.MayPass()
}

// Outcome compares the answers before and after.
type Outcome struct {
	// SameUser: both answers name the same user, and the user is not signed in anew at a part of
	// the portal with its own sign-in.
	SameUser bool
	// Before and After are the standings; After's Cleared is about After's user.
	Before, After Standing
	// Mixed: overlapping requests could have signed a user in and out again. An anonymous After
	// then proves nothing.
	Mixed bool
	// Doubted: another request could have signed in another user than the one that the response
	// was made for. An After then proves only that a factor is owed.
	Doubted bool
	// Outdated: the response shows a form that the question about the response invalidated.
	Outdated bool
}

// After returns the action for a checked response. Forward releases it. Any other action
// withholds it and is done instead.
func After(o Outcome) Action {
	switch o.After.Answer {
	case Anonymous:
		if o.Mixed || o.Doubted {
			return Retry
		}
		if o.Outdated {
			return ReloadSignIn
		}
		return Forward
	case User:
		if SignedIn(o) {
			// A sign-in always requires a code, even if an old clearance of the same user is
			// still valid.
			o.After.Cleared = false
		}
		if o.After.Owes() {
			return debt(o.After)
		}
		if o.Doubted {
			return Retry
		}
		return Forward
	}
	return Refuse
}

// SignedIn reports whether the response signed a user in.
func SignedIn(o Outcome) bool {
	return o.After.Answer == User && !o.SameUser
}

// EndsClearance reports whether a clearance of this visit ends with this outcome:
// another user signed in, a user signed in anew, or the cleared user signed out.
func EndsClearance(o Outcome) bool {
	if SignedIn(o) {
		return true
	}
	return o.Before.MayPass() && o.After.Answer == Anonymous
}
