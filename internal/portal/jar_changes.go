package portal

import (
	"slices"
)

// WithoutTwins returns the jar without the cookies that have the name of a change but were not set
// by it, because portals differ in which of two cookies of one name they use. twins says that it
// removed any.
func (j *Jar) WithoutTwins(changes []Change) (only *Jar, twins bool) {
	if len(changes) == 0 {
		return j, false
	}
	keep := slices.DeleteFunc(slices.Clone(j.cookies), func(c held) bool {
		same, set := false, false
		for _, ch := range changes {
			if !ch.Delete && ch.Class == Sealed && ch.Name == c.Name {
				same, set = true, set || ch.Path == c.Path
			}
		}
		return same && !set
	})
	if len(keep) == len(j.cookies) {
		return j, false
	}
	return newJar(keep, j.passthrough, j.public), true
}

// Apply returns the jar after these changes, as a browser would make them.
func (j *Jar) Apply(changes []Change) *Jar {
	if len(changes) == 0 {
		return j
	}
	cookies := slices.Clone(j.cookies)
	passthrough, public := slices.Clone(j.passthrough), slices.Clone(j.public)
	for _, ch := range changes {
		switch ch.Class {
		case Passthrough:
			passthrough = applyPair(passthrough, ch)
		case Public:
			public = applyPair(public, ch)
		default:
			cookies = applyHeld(cookies, ch)
		}
	}
	return newJar(cookies, passthrough, public)
}

// Sealings returns changes that set the jar's sealed cookies to their present values.
func (j *Jar) Sealings() (changes []Change) {
	for _, c := range j.Cookies() {
		if c.Name != tokenName {
			changes = append(changes, Change{Cookie: c, Class: Sealed})
		}
	}
	return changes
}

// Credentials returns changes that set the jar's credentials to their present values: sealed
// cookies, the token and passthrough cookies, but not public ones.
func (j *Jar) Credentials() (changes []Change) {
	for _, c := range j.Cookies() {
		changes = append(changes, Change{Cookie: c, Class: Sealed})
	}
	for _, p := range j.passthrough {
		changes = append(changes, Change{Cookie: Cookie{Name: p.name, Value: p.value}, Class: Passthrough})
	}
	return changes
}

// Value returns the value of the cookie that a change sets or deletes; ok says that the jar
// has it.
func (j *Jar) Value(ch Change) (value string, ok bool) {
	if ch.Class == Sealed {
		if c := j.find(ch.Name, ch.Path); c != nil {
			return c.Value, true
		}
		return "", false
	}
	for _, pairs := range [][]pair{j.passthrough, j.public} {
		for _, p := range pairs {
			if p.name == ch.Name {
				return p.value, true
			}
		}
	}
	return "", false
}

// Precedes reports whether a change that was computed for jar j may be delivered to a browser that
// now sends the jar sent. A change that replaces a cookie needs the old value in sent. A new cookie
// needs all of j's credentials in sent, and no cookie of its name.
func (j *Jar) Precedes(sent *Jar, ch Change) bool {
	if v, replaces := j.Value(ch); replaces {
		w, ok := sent.Value(ch)
		return ok && v == w
	}
	if _, has := sent.Value(ch); has {
		return false
	}
	return !slices.ContainsFunc(j.Credentials(), func(c Change) bool {
		w, ok := sent.Value(c)
		return !ok || w != c.Value
	})
}
