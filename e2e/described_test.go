package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// Goal: what a real node answers is what openapi.yaml says, also where no other test
// here looks. Method: every answer goes through asDescribed; the writes make conflicts
// of nothing, but versions, deletions and expired records.
func TestAnswersAreAsDescribed(t *testing.T) {
	n := start(t, "alpha", `revision_history_enabled: true`)
	n.put("a/1", `{"x":1}`)
	n.put("a/1", `[1]`)
	n.put("a/2", `2`)
	n.del("a/2")
	var record struct {
		UUID string `json:"uuid"`
	}
	if !n.fetch("/kv/a/1", &record) {
		t.Fatal("no record")
	}
	for _, target := range []string{
		"/kv/a/1?meta", "/kv/a/1?revisions", "/kv/a/1?revisions=1", "/kv/a/1?explain", "/kv/a/2?explain", "/kv/a/2?revisions",
		"/kv/a/1?rev=" + record.UUID, "/kv/a/1?at=4000000000000", "/kv/a/1?at=1", "/kv/a/2", "/kv/_range?limit=1", "/kv/_recent",
		"/kv/?list", "/kv/a/?list&depth=1", "/kv/a/?list&count", "/changes?since=start&include=value", "/changes?since=x",
		"/changes?since=start&feed=longpoll", "/changes?since=start&feed=continuous&limit=2", "/conflicts",
		"/changes?since=start&feed=eventsource&limit=1", "/members/", "/sync/status", "/sync/diff?peer=nobody",
		"/audit", "/audit/checkpoints", "/version", "/licenses", "/docs", "/console/", "/console/x", "/openapi.yaml", "/openapi.json", "/problems/internal",
	} {
		if a, err := n.ask(http.MethodGet, target, nil); err != nil || a.status >= 500 {
			t.Errorf("%s: %s %v", target, a, err)
		}
	}
	for _, call := range [][3]string{
		{http.MethodPost, "/kv/_batch", `[{"op":"put","key":"b","data":1},{"op":"get","key":"b"},{"op":"get","key":"c"}]`},
		{http.MethodPatch, "/kv/a/1", `{"y":2}`}, {http.MethodPatch, "/kv/a/1?ttl=1h", ``}, {http.MethodPatch, "/kv/a/1", ``},
		{http.MethodPut, "/kv/a/1", `{`}, {http.MethodPost, "/kv/a/1", `1`}, {http.MethodDelete, "/kv/a/?recurse&dry_run", ``},
		{http.MethodPost, "/admin/rewind", `{"prefix":"a/","at":1700000000000,"dry_run":true}`}, {http.MethodPut, "/kv/a/3?acks=1", `1`},
		{http.MethodDelete, "/kv/a/3?acks=all&wait=1s", ``}, {http.MethodPost, "/sync/now", ``}, {http.MethodPut, "/admin/mode", `{"mode":"read-only"}`}, {http.MethodPut, "/kv/a/1", `1`},
	} {
		if a, err := n.ask(call[0], call[1], []byte(call[2])); err != nil || a.status >= 500 {
			t.Errorf("%s: %s %v", strings.Join(call[:], " "), a, err)
		}
	}
}
