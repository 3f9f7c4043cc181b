package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// maxBody is the maximum size of a body in JSON, in bytes.
const maxBody = 64 << 10

// errMediaType is the answer to a body that is not declared as JSON. A page of another site
// can make a browser on this machine post forms and text here, but not JSON.
var errMediaType = caddy.APIError{
	HTTPStatus: http.StatusUnsupportedMediaType, Err: errors.New("want a body with Content-Type: application/json"),
}

// checkJSON returns errMediaType unless the request's Content-Type is application/json.
func checkJSON(r *http.Request) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return errMediaType
	}
	return nil
}

// readJSON decodes the body of a request. Unknown fields are refused. want describes the body
// in errors.
func readJSON[T any](w http.ResponseWriter, r *http.Request, want string) (in T, err error) {
	if err := checkJSON(r); err != nil {
		return in, err
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return in, badRequest(fmt.Errorf("reading the body: %w; want %s", err, want))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return in, badRequest(errors.New("the body has further data after the JSON"))
	}
	return in, nil
}

// onlyParameters returns an error for a parameter that is unknown or given twice. If unknown
// ones were ignored, a filter with a misspelt name would return all entries.
func onlyParameters(values url.Values, known ...string) error {
	for name, given := range values {
		switch {
		case !slices.Contains(known, name):
			return fmt.Errorf("unknown parameter %q; known here: %s", name, strings.Join(known, ", "))
		case len(given) > 1 && name != "head":
			return fmt.Errorf("%s is given again; want it once", name)
		}
	}
	return nil
}

// flagOf returns the value of a parameter that is true or false; false if it is not given.
func flagOf(values url.Values, name string) (on bool, err error) {
	if text := values.Get(name); text != "" {
		if on, err = strconv.ParseBool(text); err != nil {
			return false, fmt.Errorf("%s: %q is neither true nor false", name, text)
		}
	}
	return on, nil
}

// limitOf returns the parameter limit, from 1 to most; missing if it is not given.
func limitOf(values url.Values, missing, most int) (int, error) {
	text := values.Get("limit")
	if text == "" {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("limit: %q is not a number from 1 to %d", text, most)
	}
	return n, nil
}
