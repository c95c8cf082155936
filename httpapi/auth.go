package httpapi

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

// Directory is the users, groups, tokens and keys of the cluster.
type Directory interface {
	Users() []auth.User
	PutUser(auth.User) error
	DropUser(auth.UserID) error
	Groups() []auth.Group
	PutGroup(auth.Group) error
	DropGroup(auth.GroupID) error

	// Ticket reads the body of a request for a token.
	Ticket(body []byte) (auth.Ticket, error)
	Mint(auth.Ticket) (token string, claims auth.Claims, err error)
	// Revoke ends a token, known here or not, on every node.
	Revoke(jti string) error

	// Revoked lists the tokens that were ended before their time, newest first, at most so
	// many, and says whether there are more.
	Revoked(most int) (list []auth.Revocation, more bool)

	// JWKS are the keys that tokens are verified with.
	JWKS() ([]byte, error)
	// RotateKey makes this node sign with a new key.
	RotateKey() error
}

const allowACL = "GET, HEAD, PUT, OPTIONS"

// membersTold is how many members of a group the log names.
const membersTold = 64

const (
	allowList = "GET, HEAD, POST, OPTIONS"
	allowItem = "GET, HEAD, DELETE, OPTIONS"
)

// locateACL finds the rights of a key, or of the root: /acl/.
func (x *exchange) locateACL(raw []byte) (endpoint, *Problem) {
	e := named["/acl/{key}"]
	if len(raw) == 0 {
		x.key = auth.RootPath
		return e, nil
	}
	key, p := CanonicalKey(raw)
	x.key = key
	return e, p
}

// guarded refuses what makes no sense without a guard.
func (s *Server) guarded() *Problem {
	if s.guard != nil {
		return nil
	}
	p := newProblem(slugNotFound, "this node has no users and tokens: auth_enabled is false")
	p.ConfigKey = "auth_enabled"
	return p
}

// answer writes a value as JSON.
func (x *exchange) answer(status int, value any) *Problem {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err) // values of our own types
	}
	x.respond(typeJSON, body)
	x.ctx.Response.SetStatusCode(status)
	return nil
}

// refuseInput words what is wrong with a body, or with the store.
func (s *Server) refuseInput(err error) *Problem {
	var field *auth.FieldError
	if errors.As(err, &field) {
		return newProblem(slugInvalidJSON, field.Error())
	}
	return s.refuse(err, "")
}

// done answers a call that has nothing to say.
func (s *Server) done(x *exchange, err error) *Problem {
	if err != nil {
		return s.refuse(err, x.key)
	}
	x.ctx.Response.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}

func (s *Server) serveUsers(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	if !x.ctx.IsPost() {
		return x.answer(fasthttp.StatusOK, map[string]any{"users": append([]auth.User{}, s.guard.Users()...)})
	}
	r, err := auth.ParseUserRequest(x.ctx.PostBody())
	if err != nil {
		return s.refuseInput(err)
	}
	u := r.User(time.Now())
	x.key = string(u.ID)
	x.tell(struct {
		Nickname string `json:"nickname"`
	}{u.Nickname})
	if err := s.guard.PutUser(u); err != nil {
		return s.refuse(err, "")
	}
	return x.answer(fasthttp.StatusCreated, auth.UserResponse{ID: u.ID})
}

func (s *Server) serveUser(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	for _, u := range s.guard.Users() {
		switch {
		case string(u.ID) != x.key:
		case x.ctx.IsDelete():
			return s.done(x, s.guard.DropUser(u.ID))
		default:
			return x.answer(fasthttp.StatusOK, u)
		}
	}
	return newProblem(slugNotFound, "there is no user "+quoted(x.key))
}

func (s *Server) serveGroups(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	if !x.ctx.IsPost() {
		return x.answer(fasthttp.StatusOK, map[string]any{"groups": append([]auth.Group{}, s.guard.Groups()...)})
	}
	r, err := auth.ParseGroupRequest(x.ctx.PostBody())
	if err != nil {
		return s.refuseInput(err)
	}
	g := r.Group(time.Now())
	x.key = string(g.ID)
	x.tell(struct {
		Name    string        `json:"name"`
		Count   int           `json:"count"`
		Members []auth.UserID `json:"members"`
	}{g.Name, len(g.Members), g.Members[:min(len(g.Members), membersTold)]})
	if err := s.guard.PutGroup(g); err != nil {
		return s.refuse(err, "")
	}
	return x.answer(fasthttp.StatusCreated, auth.GroupResponse{ID: g.ID})
}

func (s *Server) serveGroup(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	for _, g := range s.guard.Groups() {
		switch {
		case string(g.ID) != x.key:
		case x.ctx.IsDelete():
			return s.done(x, s.guard.DropGroup(g.ID))
		default:
			return x.answer(fasthttp.StatusOK, g)
		}
	}
	return newProblem(slugNotFound, "there is no group "+quoted(x.key))
}

// serveMint answers POST /auth/tokens.
// revokedMax bounds the tokens that one answer lists.
const revokedMax = 1000

// revokedToken is a token that was ended before its time.
type revokedToken struct {
	ID   string      `json:"jti"`
	Kept auth.Millis `json:"kept_until"`
}

// serveRevoked answers GET /auth/tokens. Nodes keep no token that they make: they know
// only which of them ended.
func (s *Server) serveRevoked(x *exchange) *Problem {
	list, more := s.guard.Revoked(revokedMax)
	out := struct {
		Revoked []revokedToken `json:"revoked"`
		More    bool           `json:"more"`
	}{[]revokedToken{}, more}
	for _, r := range list {
		out.Revoked = append(out.Revoked, revokedToken{r.ID, r.Expires})
	}
	return x.answer(fasthttp.StatusOK, out)
}

// serveTokens answers GET and POST /auth/tokens.
func (s *Server) serveTokens(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	if !x.ctx.IsPost() {
		return s.serveRevoked(x)
	}
	return s.serveMint(x)
}

func (s *Server) serveMint(x *exchange) *Problem {
	ticket, err := s.guard.Ticket(x.ctx.PostBody())
	if err != nil {
		return s.refuseInput(err)
	}
	x.key = string(ticket.User)
	token, claims, err := s.guard.Mint(ticket)
	if errors.Is(err, ErrUserGone) {
		return newProblem(slugNotFound, "there is no user "+quoted(string(ticket.User)))
	}
	if err != nil {
		return s.refuse(err, "")
	}
	x.key += "/" + claims.ID
	x.tell(struct {
		Scopes  auth.Scope  `json:"scopes"`
		Prefix  string      `json:"path_prefix,omitempty"`
		Expires auth.Millis `json:"expires_at"`
	}{claims.Scope, claims.PathPrefix, claims.Expires})
	return x.answer(fasthttp.StatusCreated, auth.TokenResponse{Token: token, Expires: claims.Expires})
}

// serveRevoke answers DELETE /auth/tokens/{jti}.
func (s *Server) serveRevoke(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	err := s.guard.Revoke(x.key)
	var field *auth.FieldError
	if errors.As(err, &field) {
		return newProblem(slugNotFound, "no token has the id "+quoted(x.key))
	}
	return s.done(x, err)
}

func (s *Server) serveRotate(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	return s.done(x, s.guard.RotateKey())
}

// serveWhoami answers GET /auth/whoami.
func (s *Server) serveWhoami(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	return x.answer(fasthttp.StatusOK, struct {
		User    auth.UserID    `json:"user_uuid"`
		Groups  []auth.GroupID `json:"groups"`
		Scopes  auth.Scope     `json:"scopes"`
		Prefix  string         `json:"path_prefix,omitempty"`
		Token   string         `json:"jti"`
		Expires auth.Millis    `json:"expires_at"`
	}{x.caller.User, append([]auth.GroupID{}, x.caller.Groups...), x.caller.Scope, x.caller.PathPrefix,
		x.caller.Token.ID, x.caller.Token.Expires})
}

// serveJWKS answers GET /.well-known/jwks.json.
func (s *Server) serveJWKS(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	set, err := s.guard.JWKS()
	if err != nil {
		return s.refuse(err, "")
	}
	x.respond("application/jwk-set+json", set)
	return nil
}

// showACL answers GET /acl/{path}. The root's rights are shown to everybody.
func (s *Server) showACL(x *exchange) *Problem {
	acl, own, ok := auth.RootACL(), false, true
	if x.key != auth.RootPath {
		acl, own, ok = auth.Shown(x.caller.Principal, x.caller.Grant, x.key, s.lookup)
	} else if set, found := s.lookup(auth.RootPath); found {
		acl, own = set, true
	}
	if !ok {
		return s.refuse(ErrNotFound, x.key)
	}
	return x.answer(fasthttp.StatusOK, struct {
		auth.ACL
		Inherited bool `json:"inherited"`
	}{acl, !own})
}

// serveACL answers GET and PUT of /acl/{path}. Rights are shown to whoever may read
// the key, and set by its owner; only an administrator gives a key away.
func (s *Server) serveACL(x *exchange) *Problem {
	if p := s.guarded(); p != nil {
		return p
	}
	root := x.key == auth.RootPath
	if !x.ctx.IsPut() {
		return s.showACL(x)
	}
	acl, err := auth.ParseACL(x.ctx.PostBody())
	if err != nil {
		return s.refuseInput(err)
	}
	allowed := x.caller.isAdmin()
	if !allowed && !root && s.may(x, auth.OpSetACL, x.key) {
		allowed = acl.Owner == auth.Governing(x.key, s.lookup).Owner
	}
	if !allowed {
		return newProblem(slugForbidden, "only its owner sets the rights of a key, and only an administrator "+
			"gives it to another owner or sets those of the root")
	}
	acl.Version = ""
	x.tell(acl)
	return s.done(x, s.guard.SetACL(x.key, acl))
}
