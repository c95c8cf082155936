package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"kvs/internal/openapi"
)

// client is for all nodes; its time limit is beyond any bound that is tested.
var client = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 128, IdleConnTimeout: time.Minute},
}

// answer is what a node said to one request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, tail(string(a.body))) }

// decode reads a JSON body.
func (a answer) decode(into any) error { return json.Unmarshal(a.body, into) }

// problem is the body of a refusal.
type problem struct {
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	ConfigKey string `json:"config_key"`
	Limit     int64  `json:"limit"`
}

func (a answer) problem(t testing.TB) problem {
	t.Helper()
	var p problem
	if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Fatalf("not a problem: %s of type %q", a, kind)
	}
	if err := a.decode(&p); err != nil {
		t.Fatalf("problem %s: %v", a, err)
	}
	return p
}

// request sends one request; a nil body is none.
func request(method, target string, body []byte) (answer, error) {
	return requestAs("", method, target, body)
}

// ask sends one request to a node, with its token. It is safe in goroutines.
func (n *node) ask(method, path string, body []byte) (answer, error) {
	return requestAs(n.token, method, n.url(path), body)
}

func requestAs(token, method, target string, body []byte) (answer, error) {
	var in io.Reader
	if body != nil {
		in = bytes.NewReader(body)
	}
	req, err := http.NewRequest(method, target, in)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return send(req)
}

func send(req *http.Request) (answer, error) {
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err == nil {
		err = asDescribed(req, resp, read)
	}
	return answer{resp.StatusCode, resp.Header, read}, err
}

// theDescription is the API's own, read once.
var theDescription = sync.OnceValues(func() (*openapi.Description, error) {
	text, err := os.ReadFile("../httpapi/openapi.yaml")
	if err != nil {
		return nil, err
	}
	return openapi.Parse(text)
})

// asDescribed holds an answer against the description.
func asDescribed(req *http.Request, resp *http.Response, body []byte) error {
	d, err := theDescription()
	if err != nil {
		return err
	}
	header := map[string]string{}
	for name := range resp.Header {
		header[name] = resp.Header.Get(name)
	}
	return d.Check(openapi.Answer{
		Method: req.Method, Target: req.URL.RequestURI(), Status: resp.StatusCode, Header: header, Body: body,
	})
}

// segments encodes a key for the path of a URL.
func segments(key string) string {
	parts := strings.Split(key, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// write puts one value, or says why not. It is safe in goroutines.
func (n *node) write(key, value string) error {
	a, err := n.ask(http.MethodPut, "/kv/"+segments(key), []byte(value))
	if err == nil && a.status != http.StatusOK && a.status != http.StatusCreated {
		err = fmt.Errorf("PUT %s: %s", key, a)
	}
	return err
}

// remove deletes one key, or says why not. It is safe in goroutines.
func (n *node) remove(key string) error {
	a, err := n.ask(http.MethodDelete, "/kv/"+segments(key), nil)
	if err == nil && a.status != http.StatusNoContent {
		err = fmt.Errorf("DELETE %s: %s", key, a)
	}
	return err
}

// read gets the bytes of one value; found is false for a 404.
func (n *node) read(key string) (value string, found bool, err error) {
	a, err := n.ask(http.MethodGet, "/kv/"+segments(key)+"?raw=true", nil)
	switch {
	case err != nil:
		return "", false, err
	case a.status == http.StatusNotFound:
		return "", false, nil
	case a.status != http.StatusOK:
		return "", false, fmt.Errorf("GET %s: %s", key, a)
	}
	return string(a.body), true, nil
}

func (n *node) put(key, value string) {
	n.t.Helper()
	n.must(n.write(key, value))
}

func (n *node) del(key string) {
	n.t.Helper()
	n.must(n.remove(key))
}

func (n *node) get(key string) (value string, found bool) {
	n.t.Helper()
	value, found, err := n.read(key)
	n.must(err)
	return value, found
}

// shows says that a read of key gives value.
func (n *node) shows(key, value string) bool {
	got, found, err := n.read(key)
	return err == nil && found && got == value
}

// lacks says that key reads as absent.
func (n *node) lacks(key string) bool {
	_, found, err := n.read(key)
	return err == nil && !found
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatalf("%s: %v", n.name, err)
	}
}
