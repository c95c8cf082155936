package bench

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/client"
)

// answerTimeout bounds the wait for an answer; then the connection is given up.
const answerTimeout = 30 * time.Second

// Node is a node of kvs, or whatever speaks its data API, over HTTP. Many clients may
// use it at once.
type Node struct {
	http  fasthttp.HostClient
	base  string // scheme and host
	token []byte // value of the header Authorization, empty for none
}

// Dial makes a client of the node at an address such as http://127.0.0.1:8080, which
// keeps as many connections as are in use at once. It sends nothing yet. trust is for
// https alone; nil trusts what the system trusts.
func Dial(address, token string, trust *tls.Config) *Node {
	scheme, host, _ := strings.Cut(strings.TrimSuffix(address, "/"), "://")
	n := &Node{base: scheme + "://" + host}
	n.http = fasthttp.HostClient{
		Addr: fasthttp.AddMissingPort(host, scheme == "https"), IsTLS: scheme == "https", TLSConfig: trust,
		MaxConns: ClientsMax, ReadTimeout: answerTimeout, WriteTimeout: answerTimeout,
		NoDefaultUserAgentHeader: true, DisablePathNormalizing: true,
		// What failed shall be counted, and not be done again.
		RetryIfErr: func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
	}
	if token != "" {
		n.token = []byte("Bearer " + token)
	}
	return n
}

// Close gives up the connections.
func (n *Node) Close() { n.http.CloseIdleConnections() }

// Get reads one value.
func (n *Node) Get(key string) error {
	return n.do(fasthttp.MethodGet, "/kv/"+client.EscapeKey(key)+"?raw", nil)
}

// Put writes one value.
func (n *Node) Put(key string, value []byte) error {
	return n.do(fasthttp.MethodPut, "/kv/"+client.EscapeKey(key), value)
}

// Page reads a page of a range: records from a key on, below a prefix, at most limit.
func (n *Node) Page(prefix, from string, limit int) error {
	return n.do(fasthttp.MethodGet, "/kv/_range?prefix="+url.QueryEscape(prefix)+
		"&start_key="+url.QueryEscape(from)+"&limit="+strconv.Itoa(limit), nil)
}

// Post sends a JSON document to any path.
func (n *Node) Post(path string, body []byte) error { return n.do(fasthttp.MethodPost, path, body) }

func (n *Node) do(method, path string, body []byte) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	req.Header.SetMethod(method)
	req.SetRequestURI(n.base + path)
	if len(n.token) > 0 {
		req.Header.SetBytesV(fasthttp.HeaderAuthorization, n.token)
	}
	if body != nil {
		req.Header.SetContentType("application/json")
		req.SetBodyRaw(body)
	}
	if err := n.http.Do(req, resp); err != nil {
		return err
	}
	if status := resp.StatusCode(); status < 200 || status > 299 {
		return refusal(status, resp.Body())
	}
	return nil
}

// detailMax bounds the bytes of an answer that is no problem.
const detailMax = 200

func refusal(status int, body []byte) *Refusal {
	var problem struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	if json.Unmarshal(body, &problem) == nil && problem.Code != "" {
		return &Refusal{status, problem.Code, problem.Detail}
	}
	return &Refusal{Status: status, Detail: string(bytes.ToValidUTF8(body[:min(len(body), detailMax)], nil))}
}
