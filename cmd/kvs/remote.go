package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/client"
)

const (
	addrDefault = "http://127.0.0.1:8080"
	// answerTimeout bounds the wait for one answer: longer than the longest that
	// a node takes to leave, or to look for differences.
	answerTimeout = 60 * time.Second
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
	output
	addr   string
	secret string // file with the token to show, "" if there is none
	token  string // the token itself, of a context that keeps it
	trust  string // file with the certificate to trust, "" for the system's
	within string // the context that was named, "" if none was
	node   string // the member to ask instead, "" for the one at addr
	named  bool   // whether anything says which node to ask
	via    http.RoundTripper
	client *client.Client // once checked
	// attempts is how often a request is sent, 0 for once.
	attempts int
}

// flags adds the flags of a command that asks a node.
func (r *remote) flags(cmd *cobra.Command) {
	r.whereFlags(cmd)
	cmd.Flags().StringVar(&r.node, "node", "", "ask this member instead, by its node_id")
	r.outputFlags(cmd)
}

// whereFlags adds the flags that say which node, and with which token.
func (r *remote) whereFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.addr, "addr", "", "the node to ask, such as "+addrDefault+"; KVS_ADDR sets the default")
	cmd.Flags().StringVar(&r.within, "context", "", "the context to ask in; KVS_CONTEXT sets the default")
	cmd.Flags().StringVar(&r.secret, "token-file", "",
		"file with a token, such as DATA_DIR/admin.token; KVS_TOKEN_FILE sets the default")
	cmd.Flags().StringVar(&r.trust, "ca-file", "",
		"file with the certificates (PEM) to trust at https:// addresses; KVS_CA_FILE sets the default")
}

// check finds the node that is meant.
func (r *remote) check(ctx context.Context) error {
	if err := r.locate(); err != nil || r.node == "" {
		return err
	}
	return r.turnTo(ctx, r.node)
}

// locate finds out which node is meant, and makes the client for it.
func (r *remote) locate() error {
	if err := r.resolve(); err != nil {
		return err
	}
	return r.connect()
}

// resolve finds out which node is meant. A flag counts for more than a context that is
// named, that for more than a variable, and that for more than the context in use. What
// a context keeps is shown to its own node alone, so it counts for nothing beside --addr.
func (r *remote) resolve() error {
	name := cmp.Or(r.within, os.Getenv("KVS_CONTEXT"))
	switch {
	case r.addr != "" && r.within != "":
		return usage{errors.New("--addr and --context exclude each other. Try: one of them")}
	case r.addr != "":
		r.named = true
	case name == "" && os.Getenv("KVS_ADDR") != "":
		r.addr, r.named = os.Getenv("KVS_ADDR"), true
	default:
		known, err := openContexts()
		if err != nil {
			return err
		}
		if name == "" {
			name = known.Current
		} else {
			r.named = true
		}
		if name != "" {
			c, err := known.get(name)
			if err != nil {
				return err
			}
			r.enter(c)
		}
	}
	r.addr = cmp.Or(r.addr, addrDefault)
	if r.token == "" {
		r.secret = cmp.Or(r.secret, os.Getenv("KVS_TOKEN_FILE"))
	}
	r.trust = cmp.Or(r.trust, os.Getenv("KVS_CA_FILE"))
	return nil
}

// enter takes over what a context says, and no flag.
func (r *remote) enter(c nodeContext) {
	r.addr = c.Addr
	if r.secret == "" {
		r.secret, r.token = c.TokenFile, c.Token
	}
	r.trust = cmp.Or(r.trust, c.CAFile)
}

// turnTo goes on with another member. The node that was asked until now says where it
// is: it is taken to serve clients on the port on which it serves peers.
func (r *remote) turnTo(ctx context.Context, node string) error {
	var rows []struct {
		peerRow
		Address string `json:"address"`
	}
	if _, err := r.ask(ctx, http.MethodGet, "/members/", "", &rows); err != nil {
		return err
	}
	scheme, _, _ := strings.Cut(r.addr, "://")
	for _, m := range rows {
		if m.ID == node || m.Replica == node {
			r.addr = scheme + "://" + m.Address
			return r.connect()
		}
	}
	return &failure{exitNotFound, fmt.Sprintf("there is no member %q", node), "kvs members"}
}

// connect makes the client for the node that was named. It sends each request once: a
// person should see at once that a node does not answer, and says what to do.
func (r *remote) connect() error {
	if !strings.Contains(r.addr, "://") {
		r.addr = "http://" + r.addr
	}
	r.addr = strings.TrimSuffix(r.addr, "/")
	options := []client.Option{
		client.WithTransport(r.via), client.WithAttempts(max(1, r.attempts)), client.WithAttemptTimeout(answerTimeout),
	}
	switch {
	case r.token != "":
		options = append(options, client.WithToken(r.token))
	case r.secret != "":
		options = append(options, client.WithTokenFile(r.secret))
	}
	if r.trust != "" {
		options = append(options, client.WithCAFile(r.trust))
	}
	var err error
	r.client, err = client.New([]string{r.addr}, options...)
	var file *client.FileError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &file) && file.Option == client.TokenFile:
		return usage{fmt.Errorf("--token-file: %w. Try: DATA_DIR/admin.token, as a user who may read it", file.Err)}
	case errors.As(err, &file):
		return usage{fmt.Errorf("--ca-file: %w. Try: a PEM file that you may read, "+
			"such as the node's http_tls_cert_file", file.Err)}
	}
	return usage{fmt.Errorf("--addr: %w. Try: --addr %s", err, addrDefault)}
}

// call sends one request, with further headers as names and values in turn, and
// returns the body of a good answer.
func (r *remote) call(ctx context.Context, method, path, body string, headers ...string) ([]byte, error) {
	a, err := r.answer(ctx, method, path, body, headers...)
	if err != nil {
		return nil, err
	}
	return a.Body, nil
}

// answer is call for those who look at more than the body.
func (r *remote) answer(ctx context.Context, method, path, body string, headers ...string) (*client.Answer, error) {
	h := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		h.Set(headers[i], headers[i+1])
	}
	a, err := r.client.Do(ctx, client.Request{Method: method, Path: path, Body: []byte(body), Header: h})
	if err != nil {
		return nil, r.failed(err)
	}
	return a, nil
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

// failed gives an error of the client its exit code and the next step.
func (r *remote) failed(err error) error {
	var refusal *client.Error
	switch {
	case errors.As(err, &refusal) && refusal.Code == "":
		return &failure{exitOther, fmt.Sprintf("%s answers %d to this", r.addr, refusal.Status),
			"kvs version, here and there"}
	case errors.As(err, &refusal):
		return &failure{codeOf(refusal.Status), refusal.Detail, cmp.Or(refusal.Try, "kvs sync status")}
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return &failure{exitUnreachable, fmt.Sprintf("the certificate of %s is not trusted: %v", r.addr, errors.Unwrap(err)),
			"--ca-file with the node's certificate, or that of the authority which signed it"}
	}
	return &failure{exitUnreachable, err.Error(), "start a node with kvs, or name another with --addr, KVS_ADDR or a context"}
}
