package httpapi

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/valyala/fasthttp"
)

const (
	allowPost   = "POST, OPTIONS"
	allowPut    = "PUT, OPTIONS"
	allowDelete = "DELETE, OPTIONS"
)

const (
	paramsSyncNow = paramPeer
	paramsDiff    = paramPeer | paramKeys
	paramsLeave   = paramDrain | paramForce
	paramsForget  = paramForce
)

// headerMode tells how a node is that answers a read in an unusual state.
const headerMode = "KVS-Mode"

// modeReadOnly and modeNormal are the modes that can be switched to.
const (
	modeNormal   = "normal"
	modeReadOnly = "read-only"
	modeSyncing  = "syncing"
)

// serveSyncStatus answers GET /sync/status.
func (s *Server) serveSyncStatus(x *exchange) *Problem {
	st, err := s.operator.SyncStatus()
	if err != nil {
		return s.refuse(err, "")
	}
	b := append(x.buf[:0], '{')
	b = appendPeer(b, "node_id", st.Peer)
	b = append(b, `,"mode":`...)
	b = appendString(b, st.Mode)
	b = append(b, `,"root":"`...)
	b = hex.AppendEncode(b, st.Digest.Root[:])
	b = append(b, `","keys":`...)
	b = strconv.AppendInt(b, st.Digest.Keys, 10)
	b = append(b, `,"as_of":`...)
	b = strconv.AppendInt(b, st.Digest.AsOf, 10)
	b = append(b, `,"durability":`...)
	b = appendString(b, st.Durability)
	b = append(b, `,"unsynced_dots":`...)
	b = strconv.AppendUint(b, st.Unsynced, 10)
	b = append(b, `,"durable_seq":`...)
	b = strconv.AppendUint(b, st.DurableSeq, 10)
	b = append(b, `,"converged":`...)
	b = strconv.AppendBool(b, st.Converged)
	b = append(b, `,"peers":[`...)
	for i := range st.Peers {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendPeerStatus(b, &st.Peers[i])
	}
	b = appendCollection(append(b, `],"collection":`...), &st.Collection)
	b = append(b, `,"copy":{"phase":`...)
	b = appendString(b, st.Copy.Phase)
	b = append(b, `,"reconcile":`...)
	b = strconv.AppendBool(b, st.Copy.Reconcile)
	x.respond(typeJSON, append(b, '}', '}'))
	return nil
}

func appendCollection(b []byte, c *Collection) []byte {
	b = append(b, `{"tombstones":`...)
	b = strconv.AppendUint(b, c.Tombstones, 10)
	b = append(b, `,"expiring":`...)
	b = strconv.AppendUint(b, c.Expiring, 10)
	b = appendPeers(append(b, ','), "blocked_by", c.BlockedBy)
	b = append(b, `,"blocked_since_ms":`...)
	b = strconv.AppendInt(b, c.BlockedSince, 10)
	b = append(b, `,"pins":`...)
	b = strconv.AppendInt(b, int64(c.Pins), 10)
	return append(b, '}')
}

func appendPeerStatus(b []byte, p *PeerStatus) []byte {
	b = appendPeer(append(b, '{'), "id", p.Peer)
	b = append(b, `,"address":`...)
	b = appendString(b, p.Address)
	b = append(b, `,"state":`...)
	b = appendString(b, p.State)
	b = append(b, `,"connected":`...)
	b = strconv.AppendBool(b, p.Connected)
	b = append(b, `,"missing_dots":`...)
	b = strconv.AppendUint(b, p.Missing, 10)
	b = append(b, `,"lacking_dots":`...)
	b = strconv.AppendUint(b, p.Lacking, 10)
	b = append(b, `,"bytes":`...)
	b = strconv.AppendUint(b, p.Bytes, 10)
	b = append(b, `,"oldest_ms":`...)
	b = strconv.AppendInt(b, p.OldestMs, 10)
	b = append(b, `,"equal_root":`...)
	b = strconv.AppendBool(b, p.EqualRoot)
	b = append(b, `,"last_digest":`...)
	b = strconv.AppendInt(b, p.Digested, 10)
	b = append(b, `,"last_scrub":`...)
	b = strconv.AppendInt(b, p.Scrubbed, 10)
	return append(b, '}')
}

func appendPeer(b []byte, name string, p Peer) []byte {
	b = appendString(b, name)
	b = append(b, ':')
	b = appendString(b, p.ID)
	b = append(b, `,"replica":`...)
	return appendString(b, p.Replica)
}

func appendPeers(b []byte, name string, peers []Peer) []byte {
	b = appendString(b, name)
	b = append(b, `:[`...)
	for i, p := range peers {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendPeer(append(b, '{'), "id", p), '}')
	}
	return append(b, ']')
}

// serveSyncNow answers POST /sync/now once the comparisons have begun: 202,
// because their end is shown by /sync/status.
func (s *Server) serveSyncNow(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsSyncNow); p != nil {
		return p
	}
	peer := x.query.value(paramPeer)
	peers, err := s.operator.SyncNow(peer)
	if err != nil {
		return s.refuse(err, peer)
	}
	x.respond(typeJSON, append(appendPeers(append(x.buf[:0], '{'), "peers", peers), '}'))
	x.ctx.Response.SetStatusCode(fasthttp.StatusAccepted)
	return nil
}

// serveDiff answers GET /sync/diff.
func (s *Server) serveDiff(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsDiff); p != nil {
		return p
	}
	peer := x.query.value(paramPeer)
	if peer == "" {
		return invalidParameter("peer must name a member by its id or replica")
	}
	names, p := x.query.flag(paramKeys, "keys")
	if p != nil {
		return p
	}
	d, err := s.operator.Diff(peer, names)
	if err != nil {
		return s.refuse(err, peer)
	}
	b := appendPeer(append(x.buf[:0], '{'), "peer", d.Peer)
	b = append(b, `,"count":`...)
	b = strconv.AppendInt(b, int64(len(d.Differences)), 10)
	b = append(b, `,"more":`...)
	b = strconv.AppendBool(b, d.More)
	b = append(b, `,"differences":[`...)
	for i := range d.Differences {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendDifference(b, &d.Differences[i])
	}
	x.respond(typeJSON, append(b, ']', '}'))
	return nil
}

func appendDifference(b []byte, d *Difference) []byte {
	b = append(b, `{"hash":"`...)
	b = hex.AppendEncode(b, binary.BigEndian.AppendUint64(nil, d.Hash))
	b = append(b, `","here":`...)
	b = strconv.AppendBool(b, d.Here)
	b = append(b, `,"there":`...)
	b = strconv.AppendBool(b, d.There)
	if d.Key != "" {
		b = append(b, `,"key":`...)
		b = appendString(b, d.Key)
	}
	return append(b, '}')
}

// serveLeave answers POST /members/leave.
func (s *Server) serveLeave(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsLeave); p != nil {
		return p
	}
	drain := x.query.value(paramDrain)
	if x.query.has(paramDrain) && drain != "all" && drain != "one" {
		return invalidParameter("drain must be all or one, not " + quoted(drain))
	}
	force, p := x.query.flag(paramForce, "force")
	if p != nil {
		return p
	}
	left, err := s.operator.Leave(drain == "all", force)
	if err != nil {
		return s.refuse(err, "")
	}
	b := append(x.buf[:0], `{"drained":`...)
	b = strconv.AppendBool(b, left.Drained)
	b = appendPeers(append(b, ','), "acknowledged_by", left.AcknowledgedBy)
	x.respond(typeJSON, append(b, '}'))
	return nil
}

// serveForget answers DELETE /members/{id}.
func (s *Server) serveForget(x *exchange) *Problem {
	if p := x.query.parse(x.rawQuery, paramsForget); p != nil {
		return p
	}
	force, p := x.query.flag(paramForce, "force")
	if p != nil {
		return p
	}
	if err := s.operator.Forget(x.key, force); err != nil {
		return s.refuse(err, x.key)
	}
	x.ctx.Response.SetStatusCode(fasthttp.StatusNoContent)
	return nil
}

// serveMode answers PUT /admin/mode.
func (s *Server) serveMode(x *exchange) *Problem {
	if p := checkMedia(&x.ctx.Request.Header); p != nil {
		return p
	}
	var in map[string]string
	if err := json.Unmarshal(x.ctx.PostBody(), &in); err != nil {
		return newProblem(slugInvalidJSON, `the body must be {"mode":"normal"} or {"mode":"read-only"}`)
	}
	mode := in["mode"]
	if len(in) != 1 || mode != modeNormal && mode != modeReadOnly {
		return newProblem(slugInvalidParameter,
			`the body must be {"mode":"normal"} or {"mode":"read-only"}, and nothing else`)
	}
	x.tell(in)
	if err := s.operator.SetMode(mode == modeReadOnly); err != nil {
		return s.refuse(err, "")
	}
	b := append(x.buf[:0], `{"mode":`...)
	x.respond(typeJSON, append(appendString(b, mode), '}'))
	return nil
}

// markSyncing tells the reader of a value that more may be on its way.
func (s *Server) markSyncing(x *exchange) bool {
	syncing := s.cluster.Syncing()
	if syncing {
		x.ctx.Response.Header.SetCanonical([]byte(headerMode), []byte(modeSyncing))
	}
	return syncing
}
