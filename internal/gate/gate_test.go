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

// TestStanding writes out who may pass: a user who is cleared, or who owes nothing.
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

// TestBefore_Table writes out the verdict for every standing and kind of request.
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

// wantBefore says it in the order of design.md, not in that of the code.
func wantBefore(q Request) Action {
	shut := q.GuestOnly && !q.GuestPath
	switch {
	case q.Answer == User && (q.Cleared || !q.Enrolled && !q.Required):
		return Forward
	case q.Asset && !q.Upgrade:
		return Bare // of whoever it is, with nothing that could tell
	case q.Answer == User && q.Enrolled:
		return Challenge
	case q.Answer == User:
		return Enrol
	case q.Answer == Unknown:
		return Refuse
	case shut:
		return Guest
	case q.Upgrade && !q.GuestPath:
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

// each calls f with all traits of responses to requests with the given standing.
func each(s Standing, f func(Traits)) {
	eachBool(10, func(b []bool) {
		f(Traits{
			Before: s, Credentials: b[0], Unsafe: b[1], SignIn: b[2], Overlapped: b[3], Sets: b[4], Changes: b[5],
			Redirect: b[6], WatchUnsafe: b[7], Rotates: b[8], Upgraded: b[9],
		})
	})
}

// TestJudged_WithoutClearance: all responses are judged, but those without any
// credentials whose response sets none and which are no declared sign-in.
func TestJudged_WithoutClearance(t *testing.T) {
	for _, s := range standings() {
		if s.MayPass() {
			continue
		}
		each(s, func(tr Traits) {
			want := tr.Upgraded || tr.Credentials || tr.Sets || tr.SignIn
			if tr.WatchUnsafe && s.Answer == Anonymous {
				want = tr.Upgraded || tr.Unsafe || tr.SignIn || tr.Overlapped
			}
			if Judged(tr) != want {
				t.Errorf("%+v: judged %v", tr, !want)
			}
		})
	}
}

// TestJudged_WithClearance: those of unsafe requests, sign-ins and sign-outs,
// redirects, changes of a cookie, and what overlapped an unsafe request; with
// `rotates`, unsafe ones only if they change a cookie.
func TestJudged_WithClearance(t *testing.T) {
	for _, s := range standings() {
		if !s.MayPass() {
			continue
		}
		each(s, func(tr Traits) {
			want := tr.SignIn || tr.Redirect || tr.Changes
			if !tr.Rotates {
				want = want || tr.Unsafe || tr.Overlapped
			}
			if Judged(tr) != want {
				t.Errorf("%+v: judged %v", tr, !want)
			}
		})
	}
}

func TestHeld(t *testing.T) {
	for _, s := range standings() {
		eachBool(3, func(b []bool) {
			unsafe, signIn, rotates := b[0], b[1], b[2]
			spared := rotates && s.MayPass() && !signIn
			if got, want := Held(s, unsafe, signIn, rotates), unsafe && !spared; got != want {
				t.Errorf("%+v unsafe %v signIn %v rotates %v: held %v", s, unsafe, signIn, rotates, got)
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

// TestEndsClearance: another user, or a sign-in of whomever, ends it; so does
// anonymous after somebody who could pass; not knowing ends nothing.
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

// TestAfter_Mixed: where somebody may have signed in and out meanwhile, naming nobody
// proves nothing; naming somebody is judged as ever.
func TestAfter_Mixed(t *testing.T) {
	eachOutcome(func(o Outcome) {
		want := After(o)
		if o.After.Answer == Anonymous {
			want = Again
		}
		o.Mixed = true
		if got := After(o); got != want {
			t.Errorf("%+v: %v, want %v", o, got, want)
		}
	})
}

// TestAfter_Outdated: only a stranger's form is asked for anew.
func TestAfter_Outdated(t *testing.T) {
	eachOutcome(func(o Outcome) {
		want := After(o)
		if o.After.Answer == Anonymous {
			want = Anew
		}
		o.Outdated = true
		if got := After(o); got != want {
			t.Errorf("%+v: %v, want %v", o, got, want)
		}
	})
}
