package metrics

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Emit hands over the value of one series, with its labels in the catalogue's
// order.
type Emit func(name string, value float64, labels ...string)

// Registry holds the metrics of one node. A process may have several.
type Registry struct {
	HTTP *HTTP
	Node *Node

	prom   *prometheus.Registry
	rows   map[string]row
	source func(Emit)
}

// row is a metric and its description for Prometheus.
type row struct {
	Metric
	desc *prometheus.Desc
}

// New makes a registry. source is asked at each scrape for those metrics that are not
// counted here, from any goroutine; it says each series at most once.
func New(source func(Emit)) *Registry {
	r := &Registry{prom: prometheus.NewRegistry(), rows: make(map[string]row), source: source}
	for _, m := range Catalogue() {
		r.rows[m.Name] = row{m, prometheus.NewDesc(m.Name, m.Help, m.Labels, nil)}
	}
	r.HTTP, r.Node = newHTTP(r), newNode(r)
	r.prom.MustRegister(sampler{r})
	return r
}

// Handler serves the text format, or OpenMetrics to those who ask for it.
func (r *Registry) Handler() http.Handler {
	return promhttp.HandlerFor(r.prom, promhttp.HandlerOpts{
		MaxRequestsInFlight: scrapesMax, ErrorHandling: promhttp.ContinueOnError, // one that is wrong hides no other
	})
}

// Check gathers all once, and says what is wrong with it: a name that is not in the
// catalogue, or a series that is said twice.
func (r *Registry) Check() error {
	_, err := r.prom.Gather()
	return err
}

// scrapesMax bounds the scrapes that are answered at once.
const scrapesMax = 4

func (r *Registry) metric(name string, kind Kind) Metric {
	m, ok := r.rows[name]
	if !ok || m.Kind != kind {
		panic(fmt.Sprintf("metrics: %s is no %s of the catalogue", name, kind))
	}
	return m.Metric
}

func (r *Registry) counter(name string) *prometheus.CounterVec {
	m := r.metric(name, Counter)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: m.Help}, m.Labels)
	r.prom.MustRegister(v)
	return v
}

func (r *Registry) gauge(name string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: r.metric(name, Gauge).Help})
	r.prom.MustRegister(g)
	return g
}

func (r *Registry) histogram(name string, buckets []float64) *prometheus.HistogramVec {
	m := r.metric(name, Histogram)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: m.Help, Buckets: buckets}, m.Labels)
	r.prom.MustRegister(v)
	return v
}

// sampler shows what the source says, once a scrape.
type sampler struct{ *Registry }

// Describe implements prometheus.Collector by saying nothing: which series there are
// depends on the members.
func (s sampler) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s sampler) Collect(out chan<- prometheus.Metric) {
	s.source(func(name string, value float64, labels ...string) {
		m, ok := s.rows[name]
		if !ok || len(labels) != len(m.Labels) {
			err := fmt.Errorf("metrics: %s with labels %q is not in the catalogue", name, labels)
			out <- prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
			return
		}
		kind := prometheus.GaugeValue
		if m.Kind == Counter {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(m.desc, kind, value, labels...) // panics for other labels alone
	})
}
