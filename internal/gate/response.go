package gate

// Traits are what decides whether a response is judged before a byte of it is
// released.
type Traits struct {
	// Before is the standing that the request was forwarded with.
	Before Standing
	// Credentials: the request carried any.
	Credentials bool
	// Unsafe: its method or body may change something. SignIn: it is a declared
	// sign-in or sign-out, or carries one of sign_in's field names.
	Unsafe, SignIn bool
	// Overlapped: an unsafe request of the same visit ran at some time between the
	// request's arrival and the response's headers.
	Overlapped bool
	// Sets: the response sets a cookie. Changes: it changes the credentials.
	Sets, Changes bool
	// Redirect: its status is 3xx, but not 304.
	Redirect bool
	// WatchUnsafe and Rotates are the site's `watch unsafe` and `rotates`.
	WatchUnsafe, Rotates bool
	// Upgraded: the portal switched protocols.
	Upgraded bool
}

// Judged reports whether a response must be judged.
func Judged(t Traits) bool {
	if t.Before.MayPass() {
		return judgedCleared(t)
	}
	if t.Upgraded {
		return true
	}
	if t.WatchUnsafe && t.Before.Answer == Anonymous {
		return t.Unsafe || t.SignIn || t.Overlapped
	}
	return t.Credentials || t.Sets || t.SignIn
}

func judgedCleared(t Traits) bool {
	if t.Changes || t.Redirect || t.SignIn {
		return true
	}
	return (t.Unsafe || t.Overlapped) && !t.Rotates
}

// Suspect reports whether a judged response of somebody who may pass could itself be
// that of a sign-in. Then those beside it are judged as well.
func Suspect(t Traits) bool {
	return t.Before.MayPass() && (t.Changes || t.Redirect || t.SignIn)
}

// Held reports whether an unsafe request is read whole, queued and judged; with
// `rotates`, those who may pass are spared it.
func Held(s Standing, unsafe, signIn, rotates bool) bool {
	if !unsafe {
		return false
	}
	return signIn || !rotates || !s.MayPass()
}

// Outcome compares the answers before and after.
type Outcome struct {
	// SameUser: both answers name the same user, and no part of the portal that has a
	// sign-in of its own knows him only now.
	SameUser bool
	// Before and After are the standings; After's Cleared is about After's user.
	Before, After Standing
	// Mixed: requests ran beside this one by which somebody could have signed in and out
	// again, so that After naming nobody proves nothing.
	Mixed bool
	// Outdated: the response shows a form that the question about it made useless.
	Outdated bool
}

// After says what becomes of a judged response: Forward releases it, anything else
// withholds it and does that instead.
func After(o Outcome) Action {
	switch o.After.Answer {
	case Anonymous:
		if o.Mixed {
			return Again
		}
		if o.Outdated {
			return Anew
		}
		return Forward
	case User:
		if SignedIn(o) {
			// A sign-in always asks, even where an old clearance of the same user is alive.
			o.After.Cleared = false
		}
		if o.After.Owes() {
			return debt(o.After)
		}
		return Forward
	}
	return Refuse
}

// SignedIn reports whether the response was one that signed somebody in.
func SignedIn(o Outcome) bool {
	return o.After.Answer == User && !o.SameUser
}

// EndsClearance reports whether a clearance of this visit ends with this outcome:
// another user signed in, somebody signed in anew, or the cleared user signed out.
func EndsClearance(o Outcome) bool {
	if SignedIn(o) {
		return true
	}
	return o.Before.MayPass() && o.After.Answer == Anonymous
}
