package demo

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// eventsMax bounds what is kept of what has happened.
const eventsMax = 50

// event is something that has happened.
type event struct {
	At   int64  `json:"at"` // Unix milliseconds
	Text string `json:"text"`
}

// events are the last things that have happened, oldest first.
type events struct {
	mu  sync.Mutex
	all []event
}

func (e *events) add(text string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event{time.Now().UnixMilli(), text})
	if n := len(e.all) - eventsMax; n > 0 {
		e.all = e.all[n:]
	}
}

func (e *events) last() []event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]event{}, e.all...)
}

// bench is the demo as its nodes offer it over HTTP.
type bench struct{ of *Cluster }

// labNode is a Row for the API.
type labNode struct {
	Name   string `json:"name"`
	URL    string `json:"url"`
	State  State  `json:"state"`
	Keys   uint64 `json:"keys"`
	Root   string `json:"root"`
	SkewMs int64  `json:"skew_ms"`
}

// Look implements httpapi.Lab.
func (b bench) Look() []byte {
	var out struct {
		Nodes   []labNode `json:"nodes"`
		Equal   bool      `json:"equal"` // all run and hold the same data
		Writers bool      `json:"writers"`
		Events  []event   `json:"events"`
	}
	for _, r := range b.of.Rows() {
		out.Nodes = append(out.Nodes, labNode{r.Name, r.URL, r.State, r.Keys, hex.EncodeToString(r.Root[:]), r.Skew.Milliseconds()})
	}
	out.Equal, out.Writers, out.Events = b.of.equal(0), b.of.Writing(), b.of.happened.last()
	text, err := json.Marshal(out)
	if err != nil {
		panic("demo: its own state is no JSON: " + err.Error())
	}
	return text
}

// Do implements httpapi.Lab.
func (b bench) Do(ask []byte) error {
	var a Ask
	if err := json.Unmarshal(ask, &a); err != nil {
		return fmt.Errorf(`the body must be such as {"verb":"cut","node":"gamma"}: %w`, err)
	}
	return b.of.Do(b.of.ctx, a)
}
