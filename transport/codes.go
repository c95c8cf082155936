package transport

import (
	"fmt"

	"github.com/quic-go/quic-go"

	"kvs/statemachine"
)

// The application error codes with which a connection is closed. Numbers are
// only ever appended; the text beside a code is for people.
const (
	codeShutdown  quic.ApplicationErrorCode = 1  // the sender stops
	codeDuplicate quic.ApplicationErrorCode = 2  // another connection of the pair stands
	codeReplaced  quic.ApplicationErrorCode = 3  // a newer connection took its place
	codeSelf      quic.ApplicationErrorCode = 4  // both ends are one replica
	codeIdentity  quic.ApplicationErrorCode = 5  // Hello names another replica than the certificate
	codeProtocol  quic.ApplicationErrorCode = 6  // no protocol version in common
	codeMalformed quic.ApplicationErrorCode = 7  // a frame that no version of the protocol allows
	codeHello     quic.ApplicationErrorCode = 8  // no Hello in time
	codeFull      quic.ApplicationErrorCode = 9  // too many peers
	codeBoot      quic.ApplicationErrorCode = 10 // another start of the receiver is connected, and stays

	// codeRefused is the core's Disconnect; its Refusal is added to it.
	codeRefused quic.ApplicationErrorCode = 32
)

// closeError says why this end closes a connection.
type closeError struct {
	code quic.ApplicationErrorCode
	text string
}

func (e *closeError) Error() string { return e.text }

func closing(code quic.ApplicationErrorCode, format string, args ...any) *closeError {
	return &closeError{code, fmt.Sprintf(format, args...)}
}

func refusal(r statemachine.Refusal) *closeError {
	return closing(codeRefused+quic.ApplicationErrorCode(r), "refused: %s", r)
}
