package main

import (
	"testing"
	"time"
)

const revisions = `{"key":"k","revisions":[
	{"uuid":"u-2","timestamp":1795600000000,"deleted":true,"origin":"a","state":"current"},
	{"uuid":"u-1","timestamp":1795500000000,"data":{"n":
	1},"origin":"b","state":"late","conflict":true,"rule":"joined"}]}`

// Goal: what the commands about the past ask of the node, send and print.
func TestCommandsOfThePast(t *testing.T) {
	checkCommands(t, []commandCase{
		{[]string{"history", "k"}, map[string]string{"GET /kv/k?revisions=100": revisions}, nil,
			"u-1      2026-11-24T06:00:00.000Z  b     late, lost a conflict by joined  {\"n\": 1}\n", 0},
		{[]string{"history", "k", "-o", "json", "--limit", "2"}, map[string]string{"GET /kv/k?revisions=2": revisions}, nil, revisions, 0},
		{[]string{"revert", "k", "u-1"}, map[string]string{"GET /kv/k?raw&rev=u-1": "[1, 2]", "PUT /kv/k?raw=true": stored},
			[]string{"", "[1, 2]"}, "k  u-1\n", 0},
		{[]string{"conflicts", "--prefix", "a/"}, map[string]string{"GET /conflicts?limit=100&prefix=a%2F": `{"conflicts":[
			{"number":3,"at":1795600000000,"key":"a/k","rule":"uuid","winner":{"uuid":"u-1","origin":"a"},"loser":{"uuid":"u-2","origin":"b"}}]}`},
			nil, "a/k  u-1 from a  u-2 from b  uuid\n", 0},
		{[]string{"conflicts", "show", "k"}, map[string]string{"GET /kv/k?explain": `{"candidates":[
			{"uuid":"u-1","timestamp":1795600000000,"origin":"a","text":"this version stands"}]}`},
			nil, "u-1  2026-11-25T09:46:40.000Z  from a\n  this version stands\n", 0},
		{[]string{"rewind", "a/", "--to", "1795500000000", "--yes"},
			map[string]string{"POST /admin/rewind": `{"restored":2,"deleted":1,"unknown":1,"look_at":["a/x"],"undo_at":7}`},
			[]string{`{"at":1795500000000,"dry_run":false,"next":"","prefix":"a/"}`},
			"2 keys restored, 1 deleted; 0 are as they were\n1 are left as they are: what they were is not kept\n  a/x\n" +
				"to undo: kvs rewind a/ --to 7 --yes\n", 0},
		{[]string{"rewind", "a/", "--to", "1", "--yes"},
			map[string]string{"POST /admin/rewind": `{"restored":2,"undo_at":7,"next":"a/x","stopped":"no room"}`}, nil, "to undo", exitOther},
		{[]string{"rewind", "a/", "--to", "10m"}, nil, nil, "", exitUsage},
		{[]string{"rewind", "a/", "--to", "tomorrow", "--yes"}, nil, nil, "", exitUsage},
		{[]string{"rewind", "a/", "--yes"}, nil, nil, "", exitUsage},
	})
}

// Goal: a time is read in each of its forms.
func TestParseTime(t *testing.T) {
	now := time.UnixMilli(1_795_600_000_000)
	for text, want := range map[string]int64{
		"1795500000000": 1_795_500_000_000, "10m": 1_795_599_400_000, "2026-11-25T09:46:40Z": 1_795_600_000_000,
		"": 0, "-5m": 0, "0": 0, "x": 0,
	} {
		if got, err := parseTime(text, now); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
}
