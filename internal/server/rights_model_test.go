package server

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
	"kvs/internal/auth/rightstest"
)

const (
	// roundChanges is how many operations of any kind one node carries out.
	roundChanges = 20

	// roundJudged is how many the other then decides by what has reached it.
	roundJudged = 200
)

// Goal: what one node lets happen decides on the other, after replication, as the plain
// model says. Method: rounds. One node carries out a few operations; once the other has
// them it answers many that change nothing, because they read or are refused; in the next
// round it is the one that carries out.
func TestS11RightsAgreeOnAnotherNode(t *testing.T) {
	count := 100_000
	if testing.Short() {
		count = 4_000
	}
	a := startGuarded(t, "a")
	b := startGuarded(t, "b", a.Address())
	eventually(t, 10*time.Second, "b takes writes", func() bool {
		return b.api().Health().Mode == "normal" && b.guard.verifier.Load() != nil
	})
	j := &judges{nodes: [2]*Server{a, b}, tokens: drawTokens(t, a), model: rightstest.New(), rng: rand.New(rand.NewPCG(5, 9))}
	j.meet(t)
	for round := 0; j.judged < count; round++ {
		here, there := j.nodes[round%2], j.nodes[(round+1)%2]
		for range roundChanges {
			o := j.model.Draw(j.rng, j.drawn)
			j.ask(t, here, o)
			o.Apply()
		}
		j.meet(t)
		for range roundJudged {
			o := j.model.Draw(j.rng, j.drawn)
			for o.Changes() {
				o = j.model.Draw(j.rng, j.drawn)
			}
			j.ask(t, there, o)
			j.judged++
			if o.Status == 403 || o.Status == 404 {
				j.denied++
			}
		}
	}
	if j.denied < j.judged/10 || j.denied > j.judged*9/10 {
		t.Errorf("%d of %d were denied: the model says little", j.denied, j.judged)
	}
	t.Logf("%d decisions on another node, %d of them denials; %d operations in all", j.judged, j.denied, j.drawn)
}

// judges are two nodes and the model of what they have.
type judges struct {
	nodes  [2]*Server
	tokens map[string]string // by the name of a caller
	model  *rightstest.Model
	rng    *rand.Rand

	drawn, judged, denied int
}

// drawTokens makes the users, the group and the tokens of the model's callers.
func drawTokens(t *testing.T, s *Server) map[string]string {
	t.Helper()
	tokens := map[string]string{"admin": adminToken(t, s)}
	group := auth.Group{ID: rightstest.Family, Name: "family", Created: 1}
	for name, c := range rightstest.Callers() {
		if name == "admin" {
			continue
		}
		u := auth.User{ID: auth.UserID(c.User), Nickname: "somebody", Created: 1}
		if err := s.guard.PutUser(u); err != nil {
			t.Fatal(err)
		}
		ticket := auth.Ticket{User: u.ID, PathPrefix: c.Prefix, TTL: 24 * time.Hour}
		for letter, scope := range map[string]auth.Scope{"r": auth.ScopeRead, "w": auth.ScopeWrite} {
			if strings.Contains(c.Scope, letter) {
				ticket.Scope |= scope
			}
		}
		token, _, err := s.guard.Mint(ticket)
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = token
	}
	group.Members = []auth.UserID{rightstest.Alice, rightstest.Bob}
	if err := s.guard.PutGroup(group); err != nil {
		t.Fatal(err)
	}
	return tokens
}

// meet waits until both nodes have the same records, rights among them.
func (j *judges) meet(t *testing.T) {
	t.Helper()
	eventually(t, 10*time.Second, "both have the same", func() bool {
		var roots [2][32]byte
		for i, n := range j.nodes {
			root, _, err := n.Digest()
			if err != nil {
				t.Fatal(err)
			}
			roots[i] = root
			for _, key := range rightstest.Keys() {
				acl, _ := n.guard.Lookup(key)
				if other, _ := j.nodes[0].guard.Lookup(key); other != acl {
					return false
				}
			}
		}
		_, err := j.nodes[1].guard.Admit([]byte(j.tokens["bob"]))
		return roots[0] == roots[1] && err == nil
	})
}

// ask wants a node to answer what the model says.
func (j *judges) ask(t *testing.T, s *Server, o rightstest.Op) {
	t.Helper()
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetMethod(o.Method)
	ctx.Request.Header.SetRequestURI(o.Target)
	ctx.Request.Header.Set("Authorization", "Bearer "+j.tokens[o.Who])
	ctx.Request.SetBodyString(o.Body)
	s.http.Handler()(ctx)
	j.drawn++
	if got, text := ctx.Response.StatusCode(), string(ctx.Response.Body()); got != o.Status || !strings.HasSuffix(text, o.Ends) {
		t.Fatalf("operation %d at %s, %+v: %d %s\n%s", j.drawn, s.cfg.NodeID, o, got, text, fmt.Sprintf("%+v", j.model))
	}
}
