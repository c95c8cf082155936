package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

// Exit codes of commands that ask a running node, as scripts rely on them.
const (
	exitNotFound     = 3
	exitConflict     = 4
	exitForbidden    = 5
	exitUnreachable  = 6
	exitLimited      = 7
	exitNotConverged = 8
)

const (
	addrDefault = "http://127.0.0.1:8080"
	// answerTimeout bounds the wait for one answer: longer than the longest that
	// a node takes to leave, or to look for differences.
	answerTimeout = 60 * time.Second
	// answerBytesMax bounds one answer.
	answerBytesMax = 64 << 20
)

// failure is an error with an exit code of its own and a next step.
type failure struct {
	code int
	text string
	try  string
}

// Error is what went wrong and what to try.
func (f *failure) Error() string { return f.text + "\n  Try: " + f.try }

// remote is a running node that a command asks.
type remote struct {
	addr   string
	format string // table or json
	secret string // file with the token to show, "" if there is none
	token  string
	trust  string // file with the certificate to trust, "" for the system's
	client *http.Client
}

// flags adds the flags of a command that asks a node.
func (r *remote) flags(cmd *cobra.Command) {
	addr := os.Getenv("KVS_ADDR")
	if addr == "" {
		addr = addrDefault
	}
	cmd.Flags().StringVar(&r.addr, "addr", addr, "the node to ask; KVS_ADDR sets the default")
	cmd.Flags().StringVar(&r.secret, "token-file", os.Getenv("KVS_TOKEN_FILE"),
		"file with a token, such as DATA_DIR/admin.token; KVS_TOKEN_FILE sets the default")
	cmd.Flags().StringVar(&r.trust, "ca-file", os.Getenv("KVS_CA_FILE"),
		"file with the certificates (PEM) to trust at https:// addresses; KVS_CA_FILE sets the default")
	cmd.Flags().StringVarP(&r.format, "output", "o", "table", "table, or json as the API answers")
}

// check refuses what was typed wrongly.
func (r *remote) check() error {
	if r.format != "table" && r.format != "json" {
		return usage{fmt.Errorf("-o must be table or json, not %q. Try: -o json", r.format)}
	}
	if !strings.Contains(r.addr, "://") {
		r.addr = "http://" + r.addr
	}
	u, err := url.Parse(r.addr)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usage{fmt.Errorf("--addr must be a URL such as %s, not %q. Try: --addr %s",
			addrDefault, r.addr, addrDefault)}
	}
	r.addr = strings.TrimSuffix(r.addr, "/")
	if err := r.trustFile(); err != nil {
		return err
	}
	if r.secret == "" {
		return nil
	}
	text, err := os.ReadFile(r.secret)
	if err != nil {
		return usage{fmt.Errorf("--token-file: %w. Try: a file that you may read", err)}
	}
	if r.token = strings.TrimSpace(string(text)); r.token == "" || strings.ContainsFunc(r.token, unicode.IsSpace) {
		return usage{fmt.Errorf("--token-file: %s does not hold one token and nothing else. "+
			"Try: DATA_DIR/admin.token", r.secret)}
	}
	return nil
}

// trustFile makes the certificates of --ca-file the only ones that are trusted.
func (r *remote) trustFile() error {
	if r.trust == "" {
		return nil
	}
	text, err := os.ReadFile(r.trust)
	if err != nil {
		return usage{fmt.Errorf("--ca-file: %w. Try: a file that you may read", err)}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return usage{fmt.Errorf("--ca-file: %s holds no certificate. Try: a PEM file, "+
			"such as the node's http_tls_cert_file", r.trust)}
	}
	via, ok := r.client.Transport.(*http.Transport)
	if !ok {
		return nil // not the network: nothing to trust
	}
	via = via.Clone()
	via.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	r.client = &http.Client{Transport: via, Timeout: answerTimeout}
	return nil
}

// call sends one request, with further headers as names and values in turn, and
// returns the body of a good answer.
func (r *remote) call(ctx context.Context, method, path, body string, headers ...string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.addr+path, strings.NewReader(body))
	if err != nil {
		return nil, &failure{exitUsage, fmt.Sprintf("cannot ask %s: %v", r.addr, err), "--addr " + addrDefault}
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, r.unreachable(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(io.LimitReader(resp.Body, answerBytesMax))
	if err != nil {
		return nil, r.unreachable(err)
	}
	if resp.StatusCode >= 300 {
		return nil, r.refused(ctx, resp.StatusCode, out)
	}
	return out, nil
}

// ask gets one JSON document.
func (r *remote) ask(ctx context.Context, method, path, body string, into any) ([]byte, error) {
	out, err := r.call(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	return out, r.read(out, into)
}

// read takes an answer apart.
func (r *remote) read(out []byte, into any) error {
	if err := json.Unmarshal(out, into); err != nil {
		return &failure{exitOther, r.addr + " does not answer as a node of this version does",
			"kvs version, here and there"}
	}
	return nil
}

func (r *remote) unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		return &failure{exitUnreachable, fmt.Sprintf("the certificate of %s is not trusted: %v", r.addr, err),
			"--ca-file with the node's certificate, or that of the authority which signed it"}
	}
	return &failure{exitUnreachable, fmt.Sprintf("no answer from %s: %v", r.addr, err),
		"start a node with kvs, or name another with --addr or KVS_ADDR"}
}

// refused words a problem that a node answered with. What to try stands on the
// node's own page about it.
func (r *remote) refused(ctx context.Context, status int, body []byte) error {
	var p struct{ Type, Title, Detail, Code string }
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return &failure{exitOther, fmt.Sprintf("%s answers %d to this", r.addr, status),
			"kvs version, here and there"}
	}
	f := &failure{codeOf(status), p.Detail, "kvs sync status"}
	if f.code == exitLimited {
		// The node may well refuse its page about it for the same reason.
		f.try = "again later, or a higher rate_limit_requests in the node's configuration"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.addr+"/problems/"+url.PathEscape(p.Code), nil)
	if err != nil {
		return f
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return f
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(io.LimitReader(resp.Body, answerBytesMax))
	if _, try, ok := bytes.Cut(page, []byte("Try: ")); ok && err == nil {
		f.try = strings.TrimSpace(string(try))
	}
	return f
}

// codeOf is the exit code for the status of a refusal.
func codeOf(status int) int {
	switch status {
	case http.StatusBadRequest:
		return exitUsage
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return exitConflict
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitForbidden
	case http.StatusTooManyRequests:
		return exitLimited
	case http.StatusServiceUnavailable:
		return exitUnreachable
	}
	return exitOther
}
