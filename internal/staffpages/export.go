package staffpages

import (
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/secondgate/secondgate/internal/staff"
)

// csvHeader names the columns of the export. Programs read them, so they stay the same
// in every language.
var csvHeader = []string{"realm", "id", "name", "status", "factors", "enabled_since", "last_used", "backup_codes_left", "locked_until", "first_seen"}

// export streams all users of a listing as CSV (RFC 4180). If reading fails midway, it aborts
// the connection, so that the browser does not take a part for the whole file.
func (c *call) export() {
	query := c.r.URL.Query()
	realm, ok := c.realm(query.Get("realm"))
	if !ok {
		return
	}
	q, ok := readListing(realm, query).first().query(staff.MaxLimit)
	if !ok {
		c.deny(badQuery)
		return
	}
	found, err := c.Desk().List(c.r.Context(), q)
	if err != nil {
		c.fail(err, badQuery)
		return
	}
	c.w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	c.w.Header().Set("Content-Disposition", `attachment; filename="customers.csv"`)
	if c.r.Method == http.MethodHead {
		return
	}
	out := csv.NewWriter(c.w)
	out.UseCRLF = true
	n, err := c.writeUsers(out, q, found)
	if err != nil {
		c.log("the list of users was not exported whole", zap.WarnLevel, zap.Int("users", n), zap.Error(err))
		panic(http.ErrAbortHandler)
	}
	c.log("list of users exported", zap.InfoLevel, zap.String("realm", realm), zap.Int("users", n))
}

// writeUsers writes the first page and all that follow.
func (c *call) writeUsers(out *csv.Writer, q staff.Query, found staff.Page) (n int, err error) {
	if err := out.Write(csvHeader); err != nil {
		return 0, err
	}
	for {
		for _, a := range found.Users {
			if err := out.Write(csvLine(a)); err != nil {
				return n, err
			}
			n++
		}
		out.Flush()
		if err := out.Error(); err != nil || found.Next == "" {
			return n, err
		}
		q.After = found.Next
		if found, err = c.Desk().List(c.r.Context(), q); err != nil {
			return n, err
		}
	}
}

func csvLine(a staff.Account) []string {
	status := string(staff.StatusNotActivated)
	if a.Activated {
		status = string(staff.StatusActivated)
	}
	locked := csvTime(a.LockedUntil)
	if a.Off {
		locked = "until unlocked"
	}
	line := []string{a.Realm, a.ID, a.Name, status, strings.Join(a.Factors, " "), csvTime(a.EnabledAt), csvTime(a.UsedAt),
		strconv.Itoa(a.BackupLeft), locked, csvTime(a.FirstSeen)}
	for i := range line {
		line[i] = plain(line[i])
	}
	return line
}

func csvTime(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// plain returns a cell that no spreadsheet takes for a formula. Customers choose their names
// at the portal, so a name may be an attack on staff (OWASP, CSV injection).
func plain(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}
