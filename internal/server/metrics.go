package server

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/secondgate/secondgate/internal/meter"
)

// collector exposes the metrics of one configuration's realms. Each configuration has a new
// registry; the numbers belong to the engine and outlive the configuration.
type collector struct{ server *Server }

// registerMetrics registers the server's metrics with the configuration's registry.
func (s *Server) registerMetrics() error {
	if s.Metrics == nil {
		return nil
	}
	if err := s.Metrics.Register(collector{s}); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
		return err
	}
	return nil
}

// meter returns the metrics of a realm, and exposes them with this configuration.
func (s *Server) meter(realm string) *meter.Realm {
	m := s.engine.meter(realm)
	s.meters.mu.Lock()
	defer s.meters.mu.Unlock()
	s.meters.realms[realm] = m
	return m
}

// meters are the metrics of a configuration, by realm. mu is needed because the admin endpoint
// may collect metrics while handlers are still provisioned.
type meters struct {
	mu     sync.Mutex
	realms map[string]*meter.Realm
	modes  *prometheus.GaugeVec
}

func newMeters() *meters {
	return &meters{
		realms: make(map[string]*meter.Realm),
		modes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: meter.Prefix + "mode", Help: "The mode of the gates of a realm.",
		}, []string{"realm", "mode"}),
	}
}

// mode records that the realm has a gate in that mode.
func (m *meters) mode(realm, mode string) { m.modes.WithLabelValues(realm, mode).Set(1) }

// read returns the realms' names in order, and their metrics.
func (m *meters) read() ([]string, map[string]*meter.Realm) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.realms)), maps.Clone(m.realms)
}

// meter returns the metrics of a realm, which outlive reloads.
func (e *Engine) meter(realm string) *meter.Realm {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.meters[realm] == nil {
		e.meters[realm] = meter.New(realm)
	}
	return e.meters[realm]
}

func description(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(meter.Prefix+name, help, labels, nil)
}

// Descriptions of the gauges, which are read at a scrape. Package meter has the counters.
var (
	usersDesc   = description("users", "Known users by status, counted every five minutes.", "realm", "status")
	auditDesc   = description("audit_entries", "Number of the newest entry of the audit log.")
	mailsDesc   = description("mails_waiting", "E-mails that wait to be sent.")
	readyDesc   = description("ready", "Whether a readiness check passed when it last ran, once a minute.", "check")
	witnessDesc = description("witness_up", "Whether the last renewal of the store's witness in Caddy's storage succeeded.")
	missingDesc = description("users_missing", "Users with a second factor that the store has lost without an entry in the audit log that explains it.", "realm")
	offsetDesc  = description("clock_offset_seconds", "How far the server's clock is ahead of the NTP source's (negative: behind).")
	sourceDesc  = description("clock_source_up", "Whether the NTP source gave an answer that can be used.")
	buildDesc   = description("build_info", "The versions that the server was built with.", "version", "caddy", "go")
	bytesDesc   = description("store_bytes", "How much of the disk the store takes.")
	freeDesc    = description("disk_free_bytes", "How much the store may still write.")
	backupDesc  = description("backup_timestamp_seconds", "When a backup was last made; absent while none is known.")
	leanDesc    = description("clock_lean_seconds", "By how much the server's clock seems to be ahead of the customers' clocks, estimated from the ages of accepted codes (negative: behind); absent while there are too few codes.")
)

// descriptions are all descriptions above.
var descriptions = []*prometheus.Desc{usersDesc, auditDesc, mailsDesc, readyDesc, witnessDesc, missingDesc, offsetDesc, sourceDesc, leanDesc, buildDesc, bytesDesc, freeDesc, backupDesc}

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range descriptions {
		out <- d
	}
	meter.New("").Describe(out)
	meter.NewStore().Describe(out)
	newMeters().modes.Describe(out)
}

// Collect implements prometheus.Collector. It reads from memory only, never from the store.
func (c collector) Collect(out chan<- prometheus.Metric) {
	realms, meters := c.server.meters.read()
	for _, realm := range realms {
		meters[realm].Collect(out)
	}
	c.server.engine.failures.Collect(out)
	c.server.engine.watch.collect(out, realms)
	c.server.meters.modes.Collect(out)
	build := c.server.Build
	gauge(out, buildDesc, 1, build.Version, build.Caddy, build.Go)
}
