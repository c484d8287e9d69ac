package handlers

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"shenzhong/events"
	"shenzhong/projections"
)

// Metrics are what /metrics shows. Its labels are route patterns, methods,
// statuses and names of read models: never anything a caller chose.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	appends  *prometheus.HistogramVec
}

// NewMetrics makes a set of its own, so that two servers in one process (as in
// tests) do not meet.
func NewMetrics() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shenzhong_http_requests_total",
			Help: "Requests by route, method and status."}, []string{"route", "method", "status"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "shenzhong_http_request_seconds",
			Help: "Time to answer, by route.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 15)}, []string{"route"}),
		appends: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "shenzhong_append_seconds",
			Help: "Time from append to durable, by outcome.", Buckets: prometheus.ExponentialBuckets(0.0001, 2, 16)}, []string{"outcome"}),
	}
	m.registry.MustRegister(m.requests, m.latency, m.appends,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Register adds collectors of the program's other parts.
func (m *Metrics) Register(cs ...prometheus.Collector) { m.registry.MustRegister(cs...) }

// Handler serves /metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *Metrics) request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.latency.WithLabelValues(route).Observe(took.Seconds())
}

// Store is s with its appends timed.
func (m *Metrics) Store(s events.Store) events.Store { return timedStore{s, m} }

type timedStore struct {
	events.Store
	m *Metrics
}

func (s timedStore) Append(ctx context.Context, st events.Stream, at events.Revision, es ...events.New) (events.Revision, events.Position, error) {
	start := time.Now()
	rev, pos, err := s.Store.Append(ctx, st, at, es...)
	outcome := "stored"
	switch {
	case errors.Is(err, events.ErrConflict):
		outcome = "conflict"
	case errors.Is(err, events.ErrUnknown):
		outcome = "unknown"
	case err != nil:
		outcome = "failed"
	}
	s.m.appends.WithLabelValues(outcome).Observe(time.Since(start).Seconds())
	return rev, pos, err
}

func (s timedStore) Load(ctx context.Context, st events.Stream, after events.Revision) iter.Seq2[events.Recorded, error] {
	return s.Store.Load(ctx, st, after)
}

// A ReadModel is how one read model stands, as /readyz shows it.
type ReadModel struct {
	Name     string          `json:"name"`
	Version  int             `json:"version"`
	Position events.Position `json:"position"`
	// AsOf is when the last applied event was recorded.
	AsOf time.Time `json:"as_of,omitzero"`
	// Lag is how many events were read and are not applied yet.
	Lag      int64 `json:"lag"`
	CaughtUp bool  `json:"caught_up"`
	// Stopped names what stopped it: the event's type, stream and position. Its
	// pages go on showing what they knew.
	Stopped  string `json:"stopped,omitempty"`
	Building bool   `json:"building,omitempty"`
}

func readModel(s projections.Status) ReadModel {
	m := ReadModel{Name: s.Name, Version: s.Version, Position: s.Position, AsOf: s.AsOf, Lag: s.Lag, CaughtUp: s.CaughtUp, Building: s.Building != nil}
	if s.Stopped {
		m.Stopped = "stopped"
		if p, ok := errors.AsType[*projections.PoisonError](s.Err); ok {
			m.Stopped = fmt.Sprintf("%s in %s at %d", p.Type, p.Stream, p.Position)
		}
	}
	return m
}

// readModels shows the read models' state at the moment of scraping.
type readModels struct{ list func() []projections.Status }

var (
	lagDesc     = prometheus.NewDesc("shenzhong_read_model_lag_events", "Events read from the log and not applied yet.", []string{"name", "version"}, nil)
	asOfDesc    = prometheus.NewDesc("shenzhong_read_model_as_of_seconds", "Unix time at which the last applied event was recorded.", []string{"name", "version"}, nil)
	stoppedDesc = prometheus.NewDesc("shenzhong_read_model_stopped", "1 when a poison event stopped it.", []string{"name", "version"}, nil)
)

func (c readModels) Describe(ch chan<- *prometheus.Desc) {
	ch <- lagDesc
	ch <- asOfDesc
	ch <- stoppedDesc
}

func (c readModels) Collect(ch chan<- prometheus.Metric) {
	for _, m := range c.list() {
		v, stopped, asOf := strconv.Itoa(m.Version), 0.0, 0.0
		if m.Stopped {
			stopped = 1
		}
		if !m.AsOf.IsZero() {
			asOf = float64(m.AsOf.UnixMilli()) / 1000
		}
		ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, float64(m.Lag), m.Name, v)
		ch <- prometheus.MustNewConstMetric(asOfDesc, prometheus.GaugeValue, asOf, m.Name, v)
		ch <- prometheus.MustNewConstMetric(stoppedDesc, prometheus.GaugeValue, stopped, m.Name, v)
	}
}
