package badger

import (
	"fmt"
	"strings"

	"go.uber.org/zap"
)

// bridge passes Badger's messages on, one level lower where Badger is chatty: its
// "info" tells of every table.
type bridge struct{ log *zap.SugaredLogger }

func (b bridge) Errorf(format string, args ...any) {
	b.log.Errorw("database error", "detail", oneLine(format, args))
}

func (b bridge) Warningf(format string, args ...any) {
	b.log.Warnw("database warning", "detail", oneLine(format, args))
}

func (b bridge) Infof(format string, args ...any) {
	if b.log.Level().Enabled(zap.DebugLevel) {
		b.log.Debugw("database", "detail", oneLine(format, args))
	}
}

// Debugf drops what Badger says of every single write.
func (bridge) Debugf(string, ...any) {}

func oneLine(format string, args []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}
