package gate

import (
	"fmt"
	"testing"
)

// standings are all that there can be.
func standings() (all []Standing) {
	for _, a := range []Answer{Unknown, Anonymous, User} {
		for bits := range 8 {
			all = append(all, Standing{Answer: a, Enrolled: bits&1 != 0, Required: bits&2 != 0, Cleared: bits&4 != 0})
		}
	}
	return all
}

// eachBool calls f with every combination of n truth values.
func eachBool(n int, f func(b []bool)) {
	b := make([]bool, n)
	for bits := range 1 << n {
		for i := range b {
			b[i] = bits>>i&1 != 0
		}
		f(b)
	}
}

// TestStanding lists who may pass: a user who is cleared, or who owes nothing.
func TestStanding(t *testing.T) {
	mayPass := map[Standing]bool{
		{Answer: User}:                                                true,
		{Answer: User, Cleared: true}:                                 true,
		{Answer: User, Enrolled: true, Cleared: true}:                 true,
		{Answer: User, Required: true, Cleared: true}:                 true,
		{Answer: User, Enrolled: true, Required: true, Cleared: true}: true,
	}
	owes := map[Standing]bool{
		{Answer: User, Enrolled: true}:                 true,
		{Answer: User, Required: true}:                 true,
		{Answer: User, Enrolled: true, Required: true}: true,
	}
	for _, s := range standings() {
		if s.MayPass() != mayPass[s] || s.Owes() != owes[s] {
			t.Errorf("%+v: may pass %v, owes %v", s, s.MayPass(), s.Owes())
		}
	}
	if (Standing{}).MayPass() || Before(Request{}) != Refuse || After(Outcome{}) != Refuse {
		t.Error("forgotten facts do not refuse")
	}
}

// TestBefore_Table states the action for every standing and kind of request.
func TestBefore_Table(t *testing.T) {
	for _, s := range standings() {
		eachBool(4, func(b []bool) {
			q := Request{Standing: s, Asset: b[0], Upgrade: b[1], GuestOnly: b[2], GuestPath: b[3]}
			if got, want := Before(q), wantBefore(q); got != want {
				t.Errorf("%+v: %v, want %v", q, got, want)
			}
		})
	}
}

// wantBefore states the decision in the order of the design, not in that of the code.
func wantBefore(q Request) Action {
	shut := q.GuestOnly && !q.GuestPath
	switch {
	case q.Answer == User && (q.Cleared || !q.Enrolled && !q.Required):
		return Forward
	case q.Asset && !q.Upgrade:
		return ForwardAnonymous
	case q.Answer == User && q.Enrolled:
		return Challenge
	case q.Answer == User:
		return Enrol
	case q.Answer == Unknown:
		return Refuse
	case shut:
		return Guest
	case q.Upgrade: // rule G5: tunnels only for users who may pass, `guest` or not
		return Upgrade
	}
	return Forward
}

// TestBefore_NeverForwardsDebt is the package's invariant, over everything.
func TestBefore_NeverForwardsDebt(t *testing.T) {
	for _, s := range standings() {
		eachBool(4, func(b []bool) {
			q := Request{Standing: s, Asset: b[0], Upgrade: b[1], GuestOnly: b[2], GuestPath: b[3]}
			if Before(q) == Forward && (s.Answer == Unknown || s.Owes()) {
				t.Errorf("%+v is forwarded", q)
			}
		})
	}
}

// responses calls f with all facts about a response to a request with the given standing.
func responses(s Standing, f func(Response)) {
	eachBool(10, func(b []bool) {
		f(Response{
			Before: s, Credentials: b[0], Unsafe: b[1], SignIn: b[2], Unsettled: b[3], Overlapped: b[4], Sets: b[5], Changes: b[6],
			Redirect: b[7], WatchUnsafe: b[8], Rotates: b[9],
		})
	})
}

// TestChecked_MayNotPass: every response is checked, except one that sets no cookies, to a
// request without credentials that is no declared sign-in. With `watch unsafe`, a stranger's
// response is checked only if the request, an earlier one or an overlapping one could have
// signed a user in.
func TestChecked_MayNotPass(t *testing.T) {
	for _, s := range standings() {
		if s.MayPass() {
			continue
		}
		responses(s, func(r Response) {
			want := r.Credentials || r.Sets || r.SignIn
			if r.WatchUnsafe && s.Answer == Anonymous {
				want = r.Unsafe || r.SignIn || r.Overlapped || r.Unsettled
			}
			if Checked(r) != want {
				t.Errorf("%+v: checked %v", r, !want)
			}
		})
	}
}

// TestChecked_MayPass: checked are the responses of unsafe requests, sign-ins, sign-outs and
// redirects, those that change cookies, and those of requests in an unsettled visit or
// overlapping a changer. With `rotates`, a changed cookie shows every sign-in.
func TestChecked_MayPass(t *testing.T) {
	for _, s := range standings() {
		if !s.MayPass() {
			continue
		}
		responses(s, func(r Response) {
			want := r.SignIn || r.Redirect || r.Changes
			if !r.Rotates {
				want = want || r.Unsafe || r.Unsettled || r.Overlapped
			}
			if Checked(r) != want {
				t.Errorf("%+v: checked %v", r, !want)
			}
		})
	}
}

// TestSuspect: only the response of a user who may pass counts as a changer, and every
// such response is checked.
func TestSuspect(t *testing.T) {
	for _, s := range standings() {
		responses(s, func(r Response) {
			if want := s.MayPass() && (r.SignIn || r.Redirect || r.Changes); Suspect(r) != want {
				t.Errorf("%+v: suspect %v", r, !want)
			}
			if Suspect(r) && !Checked(r) {
				t.Errorf("%+v is suspect and not checked", r)
			}
		})
	}
}

func TestExclusive(t *testing.T) {
	for _, s := range standings() {
		eachBool(3, func(b []bool) {
			unsafe, signIn, rotates := b[0], b[1], b[2]
			spared := rotates && s.MayPass() && !signIn
			if got, want := Exclusive(s, unsafe, signIn, rotates), unsafe && !spared; got != want {
				t.Errorf("%+v unsafe %v signIn %v rotates %v: exclusive %v", s, unsafe, signIn, rotates, got)
			}
		})
	}
}

// eachOutcome goes through all that can be compared. The same user before and after
// is cleared after only if he was before, and the other way round.
func eachOutcome(f func(Outcome)) {
	for _, before := range standings() {
		for _, after := range standings() {
			f(Outcome{Before: before, After: after})
			if before.Answer == User && after.Answer == User {
				f(Outcome{SameUser: true, Before: before, After: after})
			}
		}
	}
}

// TestAfter_Table: released are anonymous responses, those of the same user who may
// pass, and those of another who owes nothing. A sign-in always asks.
func TestAfter_Table(t *testing.T) {
	eachOutcome(func(o Outcome) {
		want := Refuse
		owes := o.After.Enrolled || o.After.Required
		switch {
		case o.After.Answer == Anonymous:
			want = Forward
		case o.After.Answer == User && (!owes || o.SameUser && o.After.Cleared):
			want = Forward
		case o.After.Answer == User && o.After.Enrolled:
			want = Challenge
		case o.After.Answer == User:
			want = Enrol
		}
		if got := After(o); got != want {
			t.Errorf("%+v: %v, want %v", o, got, want)
		}
	})
}

// TestEndsClearance: a sign-in ends the clearance; so does an anonymous answer after a
// user who may pass; an unknown answer ends nothing.
func TestEndsClearance(t *testing.T) {
	eachOutcome(func(o Outcome) {
		want := false
		switch o.After.Answer {
		case User:
			want = !o.SameUser
		case Anonymous:
			want = o.Before.MayPass()
		}
		if EndsClearance(o) != want {
			t.Errorf("%+v ends the clearance: %v", o, !want)
		}
		if SignedIn(o) != (o.After.Answer == User && !o.SameUser) {
			t.Errorf("%+v is a sign-in: %v", o, SignedIn(o))
		}
	})
}

// TestActions_ZeroRefuses keeps the zero values what the package comment says.
func TestActions_ZeroRefuses(t *testing.T) {
	var a Action
	var answer Answer
	if a != Refuse || answer != Unknown {
		t.Error(fmt.Sprint("zero values: ", a, answer))
	}
}

// TestAfter_Mixed: where another request may have signed a user in and out again, an
// anonymous answer proves nothing; an answer that names a user is decided on as usual.
func TestAfter_Mixed(t *testing.T) {
	eachOutcome(func(o Outcome) {
		want := After(o)
		if o.After.Answer == Anonymous {
			want = Retry
		}
		o.Mixed = true
		if got := After(o); got != want {
			t.Errorf("%+v: %v, want %v", o, got, want)
		}
	})
}

// TestAfter_Outdated: only a stranger's form is loaded again.
func TestAfter_Outdated(t *testing.T) {
	eachOutcome(func(o Outcome) {
		want := After(o)
		if o.After.Answer == Anonymous {
			want = ReloadSignIn
		}
		o.Outdated = true
		if got := After(o); got != want {
			t.Errorf("%+v: %v, want %v", o, got, want)
		}
	})
}
