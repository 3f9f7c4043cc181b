package audit

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/secondgate/secondgate/internal/store"
)

// hostile is an event in which every field that a user can choose tries to begin another record.
func hostile(t *testing.T) store.Entry {
	t.Helper()
	const evil = "eve\r\n{\"event\":\"forged\"}\t\x1b[2J\u2028\u202e\"},"
	e := store.Event{
		At: began, Kind: store.EventStaffReset, Realm: evil, User: evil, Factor: evil, Staff: evil, Reason: evil, Address: evil, Agent: evil,
		Detail: map[string]string{"a": evil},
	}
	raw, err := store.MarshalEvent(e)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := Chain(store.Entry{}, [][]byte{raw})
	if err != nil || entries[0].Event.User != evil {
		t.Fatal(entries, err)
	}
	return entries[0]
}

// TestASVS_16_3_OneRecord: whatever stands in an event, it stays one line of the export,
// of the table and of the server's log, and nothing of it changes how the table looks.
func TestASVS_16_3_OneRecord(t *testing.T) {
	e := hostile(t)
	var lines, table, log bytes.Buffer
	if err := PrintLines(&lines, []Line{LineOf(&e)}); err != nil {
		t.Fatal(err)
	}
	if err := PrintTable(&table, []Line{LineOf(&e)}); err != nil {
		t.Fatal(err)
	}
	logEntry(zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&log), zap.InfoLevel)), &e)
	for where, got := range map[string]struct {
		text string
		want int
	}{"export": {lines.String(), 1}, "table": {table.String(), 2}, "log": {log.String(), 1}} {
		if n := strings.Count(got.text, "\n"); n != got.want || strings.ContainsAny(got.text, "\r\x1b") || strings.ContainsAny(got.text, "\u2028\u202e") && where == "table" {
			t.Errorf("%s: %d lines: %q", where, n, got.text)
		}
	}
	for where, text := range map[string]string{"export": lines.String(), "log": log.String()} {
		if !json.Valid([]byte(text)) {
			t.Errorf("%s: %q", where, text)
		}
	}
	if r, err := VerifyExport(&lines); err != nil || !r.OK() {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLogEntry: kind and address stand before anything that a user may choose, which
// the filter for fail2ban relies on.
func TestLogEntry(t *testing.T) {
	e := hostile(t)
	e.Event.Address = "192.0.2.1"
	var log bytes.Buffer
	config := zap.NewProductionEncoderConfig()
	config.TimeKey, config.NameKey = "", ""
	logEntry(zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(&log), zap.InfoLevel)), &e)
	if want := `{"level":"info","msg":"security event","event":"staff_reset","client_ip":"192.0.2.1","seq":1,"hash":"`; !strings.HasPrefix(log.String(), want) {
		t.Errorf("%s\nwant %s", log.String(), want)
	}
}
