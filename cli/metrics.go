package cli

import (
	"github.com/prometheus/client_golang/prometheus"

	"espalier.dev/audit/trail"
	"espalier.dev/store"
)

// storeMetrics shows the counters of the store, and of what is written to it on the side, to Prometheus.
type storeMetrics struct {
	db    *store.DB
	calls *trail.Recorder
}

var (
	commitsMetric  = prometheus.NewDesc("espalier_store_commits_total", "Transactions made durable.", nil, nil)
	useCasesMetric = prometheus.NewDesc("espalier_store_use_cases_total", "Use cases in them; more than commits where several shared one.", nil, nil)
	retriesMetric  = prometheus.NewDesc("espalier_store_retries_total", "Use cases that PostgreSQL made us run again.", nil, nil)
	lostMetric     = prometheus.NewDesc("espalier_api_events_lost_total", "Calls of the API not recorded because the database did not keep up.", nil, nil)
	waitingMetric  = prometheus.NewDesc("espalier_store_waiting", "Use cases that wait for SQLite's writer now.", nil, nil)
)

// Describe is part of prometheus.Collector.
func (m storeMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{commitsMetric, useCasesMetric, retriesMetric, waitingMetric, lostMetric} {
		to <- d
	}
}

// Collect is part of prometheus.Collector.
func (m storeMetrics) Collect(to chan<- prometheus.Metric) {
	s := m.db.Stats()
	to <- prometheus.MustNewConstMetric(commitsMetric, prometheus.CounterValue, float64(s.Commits))
	to <- prometheus.MustNewConstMetric(useCasesMetric, prometheus.CounterValue, float64(s.UseCases))
	to <- prometheus.MustNewConstMetric(retriesMetric, prometheus.CounterValue, float64(s.Retries))
	to <- prometheus.MustNewConstMetric(waitingMetric, prometheus.GaugeValue, float64(s.Waiting))
	to <- prometheus.MustNewConstMetric(lostMetric, prometheus.CounterValue, float64(m.calls.Lost()))
}
