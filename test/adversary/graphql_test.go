package adversary

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// operations writes the sign-ins of a request of the attacker's as GraphQL.
func (a Action) operations(m *message, query url.Values) {
	m.method = http.MethodPost
	m.header.Set("Content-Type", "application/json")
	m.header.Set("Origin", origin)
	first, second := operation("a", a.As), ""
	if a.Do == "several" {
		second = operation("b", a.With)
	}
	document := "mutation{" + first + " " + second + "}"
	switch {
	case a.Extra == "batch" && second != "":
		m.body = "[" + quoted("mutation{"+first+"}") + "," + quoted("mutation{"+second+"}") + "]"
	case a.Extra == "address":
		query.Set("query", document)
		m.body = "{}"
	case a.Extra == "described":
		m.body = quoted(`"sign in" ` + document)
	default:
		m.body = quoted(document)
	}
}

// operation signs a user in, or out without one.
func operation(alias, user string) string {
	if user == "" {
		return alias + ": logout"
	}
	return fmt.Sprintf(`%s: login(user:"%s",pass:"pw-%s")`, alias, user, user)
}

func quoted(document string) string {
	text, err := json.Marshal(map[string]string{"query": document})
	if err != nil {
		panic(err)
	}
	return string(text)
}

var operationIn = regexp.MustCompile(`(\w+): (?:login\(user:"(\w+)",pass:"pw-(\w+)"\)|logout)`)

// operate executes a GraphQL request, one operation after another. If the sign-in is not declared
// it accepts only one per request: several are a documented limit.
func (c *call) operate() {
	found := operationIn.FindAllStringSubmatch(c.documents(), -1)
	if c.world.Undeclared && len(found) > 1 {
		found = found[:1]
	}
	data := make(map[string]string)
	for _, op := range found {
		switch user := op[2]; {
		case user == "":
			c.forget()
			data[op[1]] = "bye"
		case user == op[3]:
			if c.sess == nil {
				c.start()
			}
			c.takeTurn()
			c.become(user)
			data[op[1]] = strings.TrimSpace(c.secret(user))
		}
	}
	text, _ := json.Marshal(map[string]any{"data": data})
	c.write(200, string(text), "Content-Type: application/json")
}

// documents are those of the body, or of the address.
func (c *call) documents() string {
	var one struct{ Query string }
	var batch []struct{ Query string }
	if json.Unmarshal(c.body, &batch) == nil {
		var all []string
		for _, d := range batch {
			all = append(all, d.Query)
		}
		return strings.Join(all, "\n")
	}
	if json.Unmarshal(c.body, &one) == nil && one.Query != "" {
		return one.Query
	}
	return c.r.URL.Query().Get("query")
}

// order carries out a message from a tunnel as the session's current user.
func (c *call) order() {
	c.follow()
	// Documented: a tunnel does what frames bring about.
	if c.inFrame() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.user != "" {
		c.executed = append(c.executed, execution{c.user, c.flight.by, throughTunnel, c.user == victim && c.secretFrom.IsZero()})
	}
}

// inFrame reports whether the session was signed in inside of a tunnel.
func (c *call) inFrame() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sess != nil && c.sess.framed
}

// throughTunnel is the note of a form that came through a tunnel.
const throughTunnel = "order"

// readAll reads the body whole. It returns false when the client left before its end.
func (c *call) readAll() bool {
	if c.r.Body == nil {
		return true
	}
	body, err := io.ReadAll(c.r.Body)
	c.body = body
	return err == nil
}
