package server

import "kvs/httpapi"

// Problems are all kinds of errors that a node answers with, by their status.
func Problems() []httpapi.ProblemKind { return httpapi.Problems() }

// Revision is the commit that the program was built from, "unknown" if it does not know.
func Revision() string { return buildRevision() }
