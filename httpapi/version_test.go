package httpapi

import (
	"net/http"
	"testing"
	"time"
)

// Goal: a GET says when its version was written, when it ends, and who answers; a write
// with conditions says where they were judged.
func TestVersionHeaders(t *testing.T) {
	r := newRig(t, nil)
	a := r.do("PUT", "/kv/k?ttl=1h", "1", "If-None-Match: *")
	if a.header["Kvs-Consistency"] != "local" {
		t.Errorf("a conditional write: %v", a.header)
	}
	if a := r.do("PUT", "/kv/k?ttl=1h", "1", "If-None-Match: *"); a.status != 412 || a.header["Kvs-Consistency"] != "local" {
		t.Errorf("a refused write: %s %v", a, a.header)
	}
	if a := r.do("PUT", "/kv/other", "1"); a.header["Kvs-Consistency"] != "" {
		t.Errorf("a plain write: %v", a.header)
	}
	a = r.do("GET", "/kv/k", "")
	written, err := http.ParseTime(a.header["Last-Modified"])
	ends, err2 := http.ParseTime(a.header["Kvs-Expires"])
	if err != nil || err2 != nil || ends.Sub(written) < 59*time.Minute || a.header["Kvs-Node"] == "" {
		t.Errorf("%v, %v: %v", err, err2, a.header)
	}
	if a := r.do("GET", "/kv/other", ""); a.header["Kvs-Expires"] != "" {
		t.Errorf("a value without an end: %v", a.header)
	}
}
