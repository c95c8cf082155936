// Package transport carries the core's messages between replicas: QUIC
// connections with mutual TLS 1.3, framing, CBOR, one unidirectional stream a
// class and direction, and back-pressure. It turns connections into the core's
// inputs Reached, PeerUp, Received and PeerDown, and carries out its effects Send, Dial
// and Disconnect.
//
// It owns one UDP socket, the certificates that it issues itself from the
// cluster secret, the encoding of messages and the bounds of what a peer may
// send, the queues towards each peer, and the choice of one connection a pair.
//
// It never decides anything of the protocol: whom to dial, whom to refuse, what
// a message means and when to try again are the core's. It never retries,
// acknowledges or stores; a frame that does not fit its queue is dropped and
// counted, and the core's own timers repair that.
//
// Invariants:
//
//   - Nothing reaches Deliver from a peer that has not proved, by a certificate
//     of this cluster's authority, to be the replica that its Hello names.
//   - For one connection Deliver sees PeerUp, then its Received, then PeerDown.
//     Of one peer, the PeerDown of a connection comes before the PeerUp of the
//     next. There is one PeerDown for each PeerUp, also at Close.
//   - Send, Dial and Disconnect never block and never call Deliver.
//   - Memory a peer can claim is bounded: by the flow-control windows, by one
//     frame a stream, and by the queues towards it. A length that a peer merely
//     announces allocates nothing.
//   - Between two replicas one connection stands. The smaller replica id
//     chooses it, so the two cannot disagree (see peers.go).
//
// What the shell owes:
//
//  1. Deliver is safe for concurrent use: each stream has a reader of its own.
//     It may block, which pushes back on that stream alone.
//  2. Deliver returns soon after Close has begun; Close waits for it.
//  3. A delivered message is shared and never changed, like one given to Send.
//  4. Hello is safe for concurrent use and names the replica of Options.
package transport
