package check

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/secondgate/secondgate/internal/onboard/browse"
)

// blank is a page of a portal that is being repaired.
const blank = "<!DOCTYPE html><html><head><title></title></head><body></body></html>"

// unknown has whoami fail, be blank, and be gone, and looks whether the gate closes.
// The portal is not touched: the rehearsal answers in its place. A portal that tells
// strangers by 404 can't be told from one whose page is gone.
func (r *run) unknown() bool {
	faults := []Fault{{http.StatusInternalServerError, ""}, {http.StatusOK, blank}}
	if !r.tellsBy(http.StatusNotFound) {
		faults = append(faults, Fault{http.StatusNotFound, blank})
	}
	var tried []string
	for _, f := range faults {
		p, err := r.whileBroken(r.first.gate, &f)
		if err != nil {
			r.report.fail(rowUnknown, err.Error(), "see the log")
			return false
		}
		if p.Status != http.StatusServiceUnavailable {
			r.report.fail(rowUnknown, fmt.Sprintf("when whoami answers %s, %s is let through with status %d", describe(f), p.URL.Path, p.Status),
				"a sign under `anonymous` holds for it, so a portal in trouble would stand open: take a sign that only a healthy portal gives, best `redirect`, else `status 401`")
			return r.pass(r.first.gate, r.first.device) == nil
		}
		tried = append(tried, describe(f))
	}
	r.report.ok(rowUnknown, "503 when whoami answers %s", strings.Join(tried, ", "))
	return true
}

func describe(f Fault) string {
	if f.Status == http.StatusOK {
		return "a blank page"
	}
	return fmt.Sprint(f.Status)
}

func (r *run) whileBroken(b *browse.Browser, f *Fault) (*browse.Page, error) {
	r.stage.Break(f)
	defer r.stage.Break(nil)
	return r.force(b, r.first.home)
}

// tellsBy says whether this status is a sign of nobody in the settings and really
// what strangers get.
func (r *run) tellsBy(status int) bool {
	if _, err := r.force(r.browser(), r.start()); err != nil {
		return false
	}
	_, asked := r.verdict()
	return asked != nil && asked.Response.Status == status
}
