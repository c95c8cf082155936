package client_test

import (
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	"kvs/client"
)

// rotating sends each request to the next node.
type rotating struct {
	hosts []string
	count atomic.Int64
}

// RoundTrip implements http.RoundTripper.
func (r *rotating) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.URL.Host = r.hosts[int(r.count.Add(1))%len(r.hosts)]
	return http.DefaultTransport.RoundTrip(req)
}

// Goal: a session reads its own writes, deletions too, although each call goes to another
// node than the one before.
func TestSessionReadsItsOwnWrites(t *testing.T) {
	_, endpoints := cluster(t, 3)
	r := &rotating{}
	for _, e := range endpoints {
		u, err := url.Parse(e)
		if err != nil {
			t.Fatal(err)
		}
		r.hosts = append(r.hosts, u.Host)
	}
	s, ctx := newClient(t, endpoints[:1], client.WithTransport(r)).Session(), t.Context()
	for i := range 200 {
		key := fmt.Sprintf("s/%d", i%10)
		done, err := s.Put(ctx, key, fmt.Appendf(nil, "%d", i))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(ctx, key); err != nil || got.Version != done.Version {
			t.Fatalf("round %d: %+v %v, want %s", i, got, err, done.Version)
		}
	}
}
