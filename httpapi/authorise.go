package httpapi

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

// Guard is what the node knows of users, tokens and rights. Its methods are called
// from many goroutines at once.
type Guard interface {
	// Admit tells who holds a token: an error of the auth package that says what is
	// wrong with it, or ErrUserGone, or ErrNotReady. It does not keep the token.
	Admit(token []byte) (Caller, error)
	// Recall is Admit for a token that was admitted lately and still is good. It
	// costs little, and does not know all of them.
	Recall(token []byte) (Caller, bool)
	// Lookup finds the rights that were set at a key, or at auth.RootPath.
	Lookup(path string) (auth.ACL, bool)
	// SetACL sets rights. ClaimACL sets them only where there are none, and says
	// ErrPrecondition where there are; DropACL takes them away. Both come of a write
	// of the key: they are logged for its actor.
	SetACL(path string, acl auth.ACL) error
	ClaimACL(path string, acl auth.ACL, actor string) error
	DropACL(path, actor string) error

	// Seal encrypts what a client carries for the nodes and may not read, and Unseal
	// reads what any node of the cluster has sealed.
	Seal(plain []byte) []byte
	Unseal(sealed []byte) (plain []byte, ok bool)

	Directory
}

// Caller is who sends a request, and what its token allows at most.
type Caller struct {
	auth.Principal
	auth.Grant
	Token auth.Claims
}

// isAdmin says that no rights are asked for.
func (c *Caller) isAdmin() bool { return c.Scope&auth.ScopeAdmin != 0 }

// ErrUserGone says that the user of a token was deleted or is disabled.
var ErrUserGone = errors.New("httpapi: the user is gone or disabled")

// need is what an endpoint asks of its caller while there is a guard. Zero is for
// endpoints that nobody has thought about: they are for administrators alone.
type need uint8

const (
	needAdmin   need = iota // a token of scope admin
	needNothing             // no token
	needToken               // any token
	needRights              // what the rights of the key say
	needScrape              // scope admin, or the token for metrics
)

// authorise is the one place that decides whether a request may be served. What it
// lets through may still be answered in part: ranges ask for each key.
func (s *Server) authorise(x *exchange, e endpoint) *Problem {
	if e.free {
		return nil
	}
	if s.guard == nil || e.need == needNothing {
		return s.chargeAddress(x)
	}
	if e.need == needScrape && s.scrapes(x) {
		return s.chargeAddress(x)
	}
	if p := s.admit(x); p != nil {
		return p
	}
	if p := s.chargeCaller(x); p != nil {
		return p
	}
	switch {
	case e.need == needToken, x.caller.isAdmin() && e.need != needRights:
		return nil
	case e.need == needRights:
		if e.once && s.answered(x) {
			return nil
		}
		return s.authoriseKey(x)
	}
	return newProblem(slugForbidden, "this takes a token of scope admin")
}

// admit finds out who asks. Who does not show it is counted by address.
func (s *Server) admit(x *exchange) *Problem {
	p := s.identifyCaller(x)
	if p == nil || p.Code == slugRateLimited {
		return p
	}
	if limited := s.chargeAddress(x); limited != nil {
		return limited
	}
	return p
}

func (s *Server) identifyCaller(x *exchange) *Problem {
	header := x.ctx.Request.Header.Peek(fasthttp.HeaderAuthorization)
	if len(header) == 0 {
		return unauthorized("this node answers nothing without a token", "")
	}
	kind, token, ok := bytes.Cut(header, []byte{' '})
	if !ok || !bytes.EqualFold(kind, []byte("Bearer")) {
		return unauthorized("the Authorization header must be \"Bearer\" and a token", "invalid_request")
	}
	caller, known := s.guard.Recall(token)
	if known {
		x.caller = caller
		return nil
	}
	if p := s.mayTry(x); p != nil {
		return p
	}
	caller, err := s.guard.Admit(token)
	switch {
	case err == nil:
		x.caller = caller
		return nil
	case errors.Is(err, ErrUserGone):
		return unauthorized("the user of this token was deleted or is disabled", "invalid_token")
	case auth.Reason(err) != "":
		return unauthorized(err.Error(), "invalid_token")
	}
	return s.refuse(err, "")
}

// unauthorized is a 401 with its challenge (RFC 6750 section 3).
func unauthorized(detail, code string) *Problem {
	p := newProblem(slugUnauthorized, detail)
	p.challenge = `Bearer realm="kvs"`
	if code != "" {
		p.challenge += `, error="` + code + `"`
	}
	return p
}

// authoriseKey asks for the rights of the request's key. Who may not read a key gets
// the same answer as if there were none.
func (s *Server) authoriseKey(x *exchange) *Problem {
	switch string(x.ctx.Method()) {
	case fasthttp.MethodPut, fasthttp.MethodPatch:
		return s.authorisePut(x)
	case fasthttp.MethodDelete:
		return s.demand(x, auth.OpDelete)
	}
	if s.may(x, auth.OpRead, x.key) {
		return nil
	}
	return s.unseen(x)
}

// authorisePut finds out whether a write creates its key, and asks for the rights that
// it takes.
func (s *Server) authorisePut(x *exchange) *Problem {
	exists, p := s.existsFor(x)
	if p != nil {
		return p
	}
	// Rights that were set before there is a value, or that one which has expired
	// left behind, are those of the key: to fill its place is to write it.
	_, own := s.lookup(x.key)
	op := auth.OpWrite
	if x.absent, x.creates = !exists, !exists && !own; x.creates {
		op = auth.OpCreate
	}
	if p := s.demand(x, op); p != nil || !x.creates || x.caller.isAdmin() {
		return p
	}
	return s.ownsBelow(x)
}

// demand refuses what the caller may not do to the key.
func (s *Server) demand(x *exchange, op auth.Op) *Problem {
	if s.may(x, op, x.key) {
		return nil
	}
	return newProblem(slugForbidden, "your token or the rights of "+quoted(x.key)+" do not allow this")
}

// unseen answers a read of what may not be read in every way like one of what is not
// there.
func (s *Server) unseen(x *exchange) *Problem {
	x.hidden = true
	if p := s.get(x); p != nil {
		return p
	}
	return s.refuse(ErrNotFound, x.key)
}

// belowMax is how many keys below a new one are looked at.
const belowMax = 100

// below is a walk over what lies below a key.
func below(key string) Walk { return Walk{Start: key + "/", End: endOf(key + "/")} }

// ownsBelow refuses to create a key above keys of others: who creates it gets rights
// that reach down to them.
func (s *Server) ownsBelow(x *exchange) *Problem {
	seen, others := 0, false
	next, err := s.store.Walk(below(x.key), func(r Record) (string, bool) {
		seen++
		others = seen > belowMax || auth.Governing(r.Key, s.lookup).Owner != x.caller.User
		return "", !others
	})
	if err != nil {
		return s.refuse(err, x.key)
	}
	if others || next != "" {
		return newProblem(slugForbidden, "keys of others lie below "+quoted(x.key)+
			"; an administrator may create it, or set its rights first")
	}
	return nil
}

// existsFor says whether there is a key that somebody is about to write. Where an
// administrator's write makes no difference to rights, it does not look.
func (s *Server) existsFor(x *exchange) (bool, *Problem) {
	if x.caller.isAdmin() && s.plain(x.key) {
		return true, nil
	}
	return s.exists(x.key)
}

// plain says that nobody has set rights at a key or above it, the root aside.
func (s *Server) plain(key string) bool {
	root, ok := s.lookup(auth.RootPath)
	if !ok {
		root = auth.RootACL()
	}
	_, own := s.lookup(key)
	return !own && auth.Governing(key, s.lookup) == root
}

func (s *Server) may(x *exchange, op auth.Op, key string) bool {
	return auth.Decide(x.caller.Principal, x.caller.Grant, op, key, s.lookup)
}

// giveRights makes the caller the owner of the key that its PUT creates, before the
// value is there: so that nobody sees it without its rights. Of several who create one
// key at once, one gets it.
func (s *Server) giveRights(x *exchange) *Problem {
	if s.guard == nil || !x.creates {
		return nil
	}
	acl := auth.Inherit(x.caller.User, auth.Above(x.key, s.lookup), s.tuned.Load().mode)
	err := s.guard.ClaimACL(x.key, acl, x.actor())
	if errors.Is(err, ErrPrecondition) {
		return newProblem(slugForbidden, "somebody else has created "+quoted(x.key)+" just now; nothing was stored")
	}
	if err != nil {
		return s.refuse(err, x.key)
	}
	return nil
}

// takeBack drops the rights that a PUT was given whose condition then did not hold:
// the value that is there is another's.
func (s *Server) takeBack(x *exchange, err error) {
	if s.guard == nil || !x.creates || !errors.Is(err, ErrPrecondition) {
		return
	}
	if err := s.guard.DropACL(x.key, x.actor()); err != nil {
		s.log.Error("the rights of a key that was not created stay", "key", x.key, "error", err)
	}
}

// takeRights drops what was set for a key that was deleted. The rights of a directory
// stay: of one that has keys below, or never had a value itself.
func (s *Server) takeRights(x *exchange, existed bool) *Problem {
	if s.guard == nil || !existed {
		return nil
	}
	if _, ok := s.lookup(x.key); !ok {
		return nil
	}
	above := false
	next, err := s.store.Walk(below(x.key), func(Record) (string, bool) {
		above = true
		return "", false
	})
	if above || next != "" || errors.Is(err, ErrIncomplete) {
		return nil
	}
	if err == nil {
		err = s.guard.DropACL(x.key, x.actor())
	}
	if err != nil {
		return s.refuse(err, x.key)
	}
	return nil
}
