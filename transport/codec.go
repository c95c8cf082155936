package transport

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"

	"kvs/statemachine"
)

// ErrUnknownKind says that a frame is of a kind that this version does not
// know. A newer peer may send such; the frame is skipped.
var ErrUnknownKind = errors.New("unknown kind of message")

// ErrMalformed says that bytes are not a message of any version, or one beyond
// the bounds of the protocol.
var ErrMalformed = errors.New("malformed message")

// The codecs, immutable after start. Encoding is deterministic, so that one
// message has one encoding and golden frames can be compared as bytes.
var (
	encoder = newEncoder()
	decoder = newDecoder()
)

func newEncoder() cbor.UserBufferEncMode {
	mode, err := cbor.CoreDetEncOptions().UserBufferEncMode()
	if err != nil {
		panic("transport: encoder options: " + err.Error())
	}
	return mode
}

// newDecoder refuses what our encoder never writes and a sound peer never
// needs. Unknown fields are ignored on purpose: they are a newer peer's.
func newDecoder() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		MaxNestedLevels:   nestedMax,
		MaxArrayElements:  itemsMax,
		MaxMapPairs:       pairsMax,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
	}.DecMode()
	if err != nil {
		panic("transport: decoder options: " + err.Error())
	}
	return mode
}

// Encode returns a message as a frame: its kind in one byte, and its body. It
// refuses what the receiver would, entries aside.
func Encode(m statemachine.Message) ([]byte, error) {
	var b bytes.Buffer
	if err := encodeTo(&b, m); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// encodeTo appends a frame to the buffer, and on an error leaves it as it was.
func encodeTo(b *bytes.Buffer, m statemachine.Message) error {
	if err := checkBounds(m); err != nil {
		return fmt.Errorf("encode kind %d: %w", m.Kind(), err)
	}
	start := b.Len()
	b.WriteByte(byte(m.Kind()))
	if err := encoder.MarshalToBuffer(m, b); err != nil {
		b.Truncate(start)
		return fmt.Errorf("encode kind %d: %w", m.Kind(), err)
	}
	if n := b.Len() - start; n > statemachine.FrameBytesMax {
		b.Truncate(start)
		return fmt.Errorf("encode kind %d: %d bytes: %w", m.Kind(), n, ErrMalformed)
	}
	return nil
}

// Decode returns the message of a frame. Its error is ErrUnknownKind or
// ErrMalformed, whatever the bytes are. The message shares nothing with frame.
func Decode(frame []byte) (m statemachine.Message, err error) {
	if len(frame) == 0 || len(frame) > statemachine.FrameBytesMax {
		return nil, fmt.Errorf("frame of %d bytes: %w", len(frame), ErrMalformed)
	}
	// A panic of the decoder is a bug of ours or of the library. It must cost
	// the connection that provoked it, not the node.
	defer func() {
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("kind %d: decoder panic: %v: %w", frame[0], r, ErrMalformed)
		}
	}()
	m, err = decodeBody(statemachine.Kind(frame[0]), frame[1:])
	if err != nil {
		return nil, err
	}
	if err := checkBounds(m); err != nil {
		return nil, fmt.Errorf("kind %d: %w", frame[0], err)
	}
	if err := checkContent(m); err != nil {
		return nil, fmt.Errorf("kind %d: %w", frame[0], err)
	}
	return m, nil
}

func decodeBody(kind statemachine.Kind, body []byte) (statemachine.Message, error) {
	switch kind {
	case statemachine.KindHello:
		return decodeAs[statemachine.Hello](body)
	case statemachine.KindWelcome:
		return decodeAs[statemachine.Welcome](body)
	case statemachine.KindTable:
		return decodeAs[statemachine.Table](body)
	case statemachine.KindDigest:
		return decodeAs[statemachine.Digest](body)
	case statemachine.KindPush:
		return decodeAs[statemachine.Push](body)
	case statemachine.KindAck:
		return decodeAs[statemachine.Ack](body)
	case statemachine.KindNeed:
		return decodeAs[statemachine.Need](body)
	case statemachine.KindDelta:
		return decodeAs[statemachine.Delta](body)
	case statemachine.KindCompare:
		return decodeAs[statemachine.Compare](body)
	case statemachine.KindLeafList:
		return decodeAs[statemachine.LeafList](body)
	case statemachine.KindItems:
		return decodeAs[statemachine.Items](body)
	case statemachine.KindReports:
		return decodeAs[statemachine.Reports](body)
	case statemachine.KindRefuse:
		return decodeAs[statemachine.Refuse](body)
	case statemachine.KindAskRetired:
		return decodeAs[statemachine.AskRetired](body)
	case statemachine.KindRetiredList:
		return decodeAs[statemachine.RetiredList](body)
	case statemachine.KindOpen:
		return decodeAs[statemachine.Open](body)
	case statemachine.KindOpened:
		return decodeAs[statemachine.Opened](body)
	case statemachine.KindFetch:
		return decodeAs[statemachine.Fetch](body)
	case statemachine.KindChunk:
		return decodeAs[statemachine.Chunk](body)
	case statemachine.KindPing:
		return decodeAs[statemachine.Ping](body)
	case statemachine.KindPingAck:
		return decodeAs[statemachine.PingAck](body)
	case statemachine.KindPingReq:
		return decodeAs[statemachine.PingReq](body)
	case statemachine.KindSuspicion:
		return decodeAs[statemachine.Suspicion](body)
	case statemachine.KindGraft:
		return decodeAs[statemachine.Graft](body)
	case statemachine.KindPrune:
		return decodeAs[statemachine.Prune](body)
	case statemachine.KindGet:
		return decodeAs[statemachine.Get](body)
	case statemachine.KindGot:
		return decodeAs[statemachine.Got](body)
	}
	return nil, fmt.Errorf("kind %d: %w", kind, ErrUnknownKind)
}

func decodeAs[M statemachine.Message](body []byte) (statemachine.Message, error) {
	var m M
	if err := decoder.Unmarshal(body, &m); err != nil {
		return nil, fmt.Errorf("kind %d: %w: %w", m.Kind(), ErrMalformed, err)
	}
	return m, nil
}
