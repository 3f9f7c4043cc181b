package portal

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/secondgate/secondgate/internal/portal/cookie"
)

// Change is what one Set-Cookie of the portal does.
type Change struct {
	Cookie
	Class  Class
	Delete bool
	// Line is the portal's own line, for cookies that are not sealed.
	Line string
}

// MaxChanges bounds the different Set-Cookie lines of one response. Browsers keep at most some 180
// cookies per host, and a request with more than 200 is refused (cookie.MaxPairs). The bound also
// limits the work of comparing each change with each cookie.
const MaxChanges = cookie.MaxPairs

// ErrTooManyChanges says that a response has more than MaxChanges different Set-Cookie
// lines. The response must be refused: with some lines left out, the browser's cookies
// would no longer be those that the portal set.
var ErrTooManyChanges = fmt.Errorf("more than %d different Set-Cookie lines in one response", MaxChanges)

// Changes reads the Set-Cookie lines of a response to a request for path, in their order. It leaves
// out lines that no browser accepts, lines with Secondgate's own names, and lines that are repeated
// later without a difference, as PHP repeats them for each session_start. The only error is
// ErrTooManyChanges.
func Changes(lines []string, path string, policy *CookiePolicy, now time.Time) ([]Change, error) {
	lines, err := last(lines)
	if err != nil {
		return nil, err
	}
	var out []Change
	for _, line := range lines {
		sc, err := cookie.ParseSetCookie(line, path, now)
		if err != nil {
			continue
		}
		class := policy.Class(sc.Name)
		if class == Reserved {
			continue
		}
		c := Cookie{Name: sc.Name, Value: sc.Value, Path: sc.Path, SameSite: sc.SameSite, Domain: sc.Domain, HTTPOnly: sc.HTTPOnly, Expires: sc.Expires, Sealed: now}
		out = append(out, Change{Cookie: c, Class: class, Delete: sc.Delete, Line: line})
	}
	return out, nil
}

// last keeps the last one of each group of equal lines, and their order.
func last(lines []string) ([]string, error) {
	if len(lines) < 2 {
		return lines, nil
	}
	at := make(map[string]int, min(len(lines), MaxChanges))
	for i, line := range lines {
		if at[line] = i; len(at) > MaxChanges {
			return nil, ErrTooManyChanges
		}
	}
	if len(at) == len(lines) {
		return lines, nil
	}
	kept := make([]string, 0, len(at))
	for i, line := range lines {
		if at[line] == i {
			kept = append(kept, line)
		}
	}
	return kept, nil
}

// Writer writes Set-Cookie lines for one visit.
type Writer struct {
	Keys  *VisitKeys
	Names *Names
	Now   time.Time
	// MaxLife bounds how long a browser keeps a sealed cookie.
	MaxLife time.Duration
}

// Seal returns the lines that change the browser's cookies from jar from, which it sent, to jar to.
// It seals or deletes the cookies of these changes, and splits long ones into pieces. ok is false
// if a value is too long for maxPieces; that cookie is deleted.
func (w *Writer) Seal(from, to *Jar, changes []Change) (lines []string, ok bool) {
	ok = true
	done := make(map[string]bool, len(changes))
	for _, ch := range changes {
		if ch.Class != Sealed {
			lines = append(lines, ch.Line)
			continue
		}
		tag := w.Keys.Tag(ch.Name, ch.Path)
		if done[tag] {
			continue
		}
		done[tag] = true
		old := from.find(ch.Name, ch.Path)
		now := to.find(ch.Name, ch.Path)
		more, fits := w.replace(tag, old, now)
		lines, ok = append(lines, more...), ok && fits
	}
	return lines, ok
}

// replace returns the lines that replace one cookie in the browser.
func (w *Writer) replace(tag string, old, now *held) (lines []string, ok bool) {
	pieces := 0
	ok = true
	if now != nil {
		lines, ok = w.sealOne(tag, now.Cookie)
		pieces = len(lines)
	}
	if now == nil || !ok {
		n := 1
		if old != nil && old.tag == tag {
			n = max(1, old.pieces)
		}
		return w.Delete(Stale{tag, n}), ok
	}
	if old == nil || old.tag == "" {
		return lines, true
	}
	if old.tag != tag {
		return append(lines, w.Delete(Stale{old.tag, old.pieces})...), true
	}
	for i := pieces; i < old.pieces; i++ {
		lines = append(lines, w.expire(w.Names.sealed+pieceName(tag, i)))
	}
	return lines, true
}

// All returns the lines for every cookie of a jar, sealed. It is used for a visit that moves to a
// fresh token.
func (w *Writer) All(j *Jar) (lines []string) {
	for _, c := range j.cookies {
		more, ok := w.sealOne(w.Keys.Tag(c.Name, c.Path), c.Cookie)
		if ok {
			lines = append(lines, more...)
		}
	}
	return lines
}

// Forget returns the lines that delete these cookies from the browser.
func (w *Writer) Forget(from *Jar, gone []Cookie) (lines []string) {
	for _, c := range gone {
		if old := from.find(c.Name, c.Path); old != nil && old.tag != "" {
			lines = append(lines, w.Delete(Stale{old.tag, old.pieces})...)
		}
	}
	return lines
}

// Delete returns the lines that delete one sealed cookie from the browser.
func (w *Writer) Delete(s Stale) (lines []string) {
	for i := range s.Pieces {
		lines = append(lines, w.expire(w.Names.sealed+pieceName(s.Tag, i)))
	}
	return lines
}

// Visit returns the line of the visit's own cookie; ends is zero for a cookie that ends with the
// browser. Every request that carries the portal's session must carry this cookie, also a
// payment provider's POST and an iframe. Hence SameSite=None, which needs HTTPS.
func (w *Writer) Visit(token string, ends time.Time) string {
	out := cookie.Out{Name: w.Names.Visit, Value: token, Life: w.life(ends), SameSite: http.SameSiteNoneMode, Secure: w.Names.Secure}
	return out.String()
}

// EndVisit returns the line that deletes the visit's cookie from the browser.
func (w *Writer) EndVisit() string { return w.expire(w.Names.Visit) }

func (w *Writer) sealOne(tag string, c Cookie) (lines []string, ok bool) {
	c.Sealed = w.Now
	value := w.Keys.seal(c.encode(), tag)
	n := (len(value) + maxPiece - 1) / maxPiece
	if n > maxPieces {
		return nil, false
	}
	out := cookie.Out{Life: w.life(c.Expires), SameSite: c.SameSite, Secure: w.Names.Secure}
	for i := range n {
		out.Name = w.Names.sealed + pieceName(tag, i)
		out.Value = value[i*maxPiece : min((i+1)*maxPiece, len(value))]
		if n > 1 && i == 0 {
			out.Value = strconv.Itoa(n) + "~" + out.Value
		}
		lines = append(lines, out.String())
	}
	return lines, true
}

// life is how long the browser keeps a cookie, bounded by MaxLife.
func (w *Writer) life(ends time.Time) time.Duration {
	if ends.IsZero() {
		return 0
	}
	return max(min(ends.Sub(w.Now), w.MaxLife), time.Second)
}

func (w *Writer) expire(name string) string {
	return cookie.Out{Name: name, Life: -1, Secure: w.Names.Secure}.String()
}

func pieceName(tag string, index int) string {
	if index == 0 {
		return tag
	}
	return tag + "." + strconv.Itoa(index)
}

func (j *Jar) find(name, path string) *held {
	for i := range j.cookies {
		if c := &j.cookies[i]; c.Name == name && c.Path == path {
			return c
		}
	}
	return nil
}
