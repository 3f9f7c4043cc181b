package server

import (
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/secondgate/secondgate/internal/meter"
)

// metricPrefix begins every metric's name, as Caddy's own begin with caddy_ and their
// module.
const metricPrefix = "caddy_two_factor_"

// collector shows one configuration's realms in Caddy's registry, which is new for each
// configuration. The numbers are the engine's and go on.
type collector struct{ server *Server }

// registerMetrics shows the server's numbers in the configuration's registry.
func (s *Server) registerMetrics() error {
	if s.Metrics == nil {
		return nil
	}
	if err := s.Metrics.Register(collector{s}); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
		return err
	}
	return nil
}

// meter is what counts in a realm of the configuration.
func (s *Server) meter(realm string) *meter.Realm {
	m := s.engine.meter(realm)
	s.meters.mu.Lock()
	defer s.meters.mu.Unlock()
	s.meters.realms[realm] = m
	return m
}

// meters are numbers by realm. The admin endpoint of a configuration serves before its
// handlers are provisioned.
type meters struct {
	mu     sync.Mutex
	realms map[string]*meter.Realm
	modes  map[[2]string]bool // realm and mode
}

func newMeters() *meters {
	return &meters{realms: make(map[string]*meter.Realm), modes: make(map[[2]string]bool)}
}

// mode notes that the realm has a gate in that mode.
func (m *meters) mode(realm, mode string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.modes[[2]string{realm, mode}] = true
}

func (m *meters) collectModes(out chan<- prometheus.Metric) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for of := range m.modes {
		gauge(out, modeDesc, 1, of[0], of[1])
	}
}

// read returns them with their names in order.
func (m *meters) read() ([]string, map[string]*meter.Realm) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.realms)), maps.Clone(m.realms)
}

// meter returns a realm's numbers, which outlive reloads.
func (e *Engine) meter(realm string) *meter.Realm {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.meters[realm] == nil {
		e.meters[realm] = meter.New()
	}
	return e.meters[realm]
}

func description(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(metricPrefix+name, help, labels, nil)
}

// What is no counter of package meter.
var (
	gateDesc    = description("gate_duration_seconds", "Time that the gate took before a request was forwarded or refused, questions to whoami included, the arrival of the body not.", "realm", "outcome")
	whoamiDesc  = description("whoami_duration_seconds", "Time that questions to whoami took.", "realm")
	usersDesc   = description("users", "Known users by status, counted every five minutes.", "realm", "status")
	auditDesc   = description("audit_entries", "Number of the newest entry of the audit log.")
	mailsDesc   = description("mails_waiting", "E-mails that wait to be sent.")
	readyDesc   = description("ready", "Whether a check of the readiness held when it was last made, once a minute.", "check")
	witnessDesc = description("witness_up", "Whether the store's witness in Caddy's storage could be renewed when that was last due.")
	missingDesc = description("users_missing", "Users with a second factor that the store has lost without an entry in the audit log that explains it.", "realm")
	offsetDesc  = description("clock_offset_seconds", "How far the server's clock is ahead of the NTP source's (negative: behind).")
	sourceDesc  = description("clock_source_up", "Whether the NTP source gave an answer that can be used.")
	modeDesc    = description("mode", "Which mode the gates of a realm are in.", "realm", "mode")
	buildDesc   = description("build_info", "What the server was built from.", "version", "caddy", "go")
	bytesDesc   = description("store_bytes", "How much of the disk the store takes.")
	freeDesc    = description("disk_free_bytes", "How much the store may still write.")
	backupDesc  = description("backup_timestamp_seconds", "When a backup was last made; absent while none is known.")
	leanDesc    = description("clock_lean_seconds", "How late codes of authenticator apps lean beyond what people need to type them (negative: early); absent while there are too few.")
)

// descriptions are all of those above.
var descriptions = []*prometheus.Desc{gateDesc, whoamiDesc, usersDesc, auditDesc, mailsDesc, readyDesc, witnessDesc, missingDesc, offsetDesc, sourceDesc, leanDesc, modeDesc, buildDesc, bytesDesc, freeDesc, backupDesc}

// descriptionOf makes the description of a counter; realm says that it is counted in
// each realm.
func descriptionOf(c *meter.Counter, realm bool) *prometheus.Desc {
	var labels []string
	if realm {
		labels = append(labels, "realm")
	}
	for _, l := range c.Labels {
		labels = append(labels, l.Name)
	}
	return description(c.Name, c.Help, labels...)
}

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range descriptions {
		out <- d
	}
	for _, c := range meter.New().Counters() {
		out <- descriptionOf(c, true)
	}
	for _, c := range meter.NewStore().Counters() {
		out <- descriptionOf(c, false)
	}
}

// Collect implements prometheus.Collector. It reads numbers from memory only: nobody who
// scrapes costs the store anything.
func (c collector) Collect(out chan<- prometheus.Metric) {
	realms, meters := c.server.meters.read()
	for _, realm := range realms {
		collectRealm(out, realm, meters[realm])
	}
	for _, counter := range c.server.engine.failures.Counters() {
		collectCounter(out, counter)
	}
	c.server.engine.watch.collect(out, realms)
	c.server.meters.collectModes(out)
	build := c.server.Build
	gauge(out, buildDesc, 1, build.Version, build.Caddy, build.Go)
}

func collectRealm(out chan<- prometheus.Metric, realm string, m *meter.Realm) {
	for _, counter := range m.Counters() {
		collectCounter(out, counter, realm)
	}
	collectHistogram(out, whoamiDesc, m.Whoami(), realm)
	for _, outcome := range []string{meter.Forwarded, meter.Refused} {
		collectHistogram(out, gateDesc, m.Gate(outcome), realm, outcome)
	}
}

// collectCounter shows a counter, of a realm if one is given.
func collectCounter(out chan<- prometheus.Metric, c *meter.Counter, realm ...string) {
	desc := descriptionOf(c, len(realm) > 0)
	c.Each(func(n uint64, values []string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), slices.Concat(realm, values)...)
	})
}

func collectHistogram(out chan<- prometheus.Metric, d *prometheus.Desc, h *meter.Histogram, values ...string) {
	count, sum, buckets := h.Read()
	out <- prometheus.MustNewConstHistogram(d, count, sum, buckets, values...)
}
