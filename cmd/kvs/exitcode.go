package main

import (
	"errors"
	"net/http"
)

// Exit codes, as scripts rely on them. Each has a row in exitCodes.
const (
	exitOther        = 1
	exitUsage        = 2
	exitNotFound     = 3
	exitConflict     = 4
	exitForbidden    = 5
	exitUnreachable  = 6
	exitLimited      = 7
	exitNotConverged = 8
	exitWrong        = 9
	exitInterrupted  = 130
)

// exitMeaning is an exit code in words.
type exitMeaning struct {
	code    int
	meaning string
}

// exitCodes are all of them, for docs/reference/exit-codes.md.
func exitCodes() []exitMeaning {
	return []exitMeaning{
		{0, "it went well"},
		{exitOther, "something else went wrong, or a node could not start"},
		{exitUsage, "it was typed wrongly, or the node finds the request wrong (HTTP 400)"},
		{exitNotFound, "there is no such key, file, member, user, context or whatever else was named (404)"},
		{exitConflict, "something is there already, or is another than was expected (409, 412)"},
		{exitForbidden, "no token, one that is not good, or one that may not do this (401, 403)"},
		{exitUnreachable, "the node does not answer, or not in time, or cannot now (503)"},
		{exitLimited, "too many requests: the rate limit (429)"},
		{exitNotConverged, "the node is unwell, or the nodes are not equal: `kvs check`, `doctor`, `sync status`, `sync wait`"},
		{exitWrong, "what was verified is not what it should be: a backup, an audit log, a data directory (422)"},
		{exitInterrupted, "it was interrupted from the keyboard"},
	}
}

// exitCode is what scripts tell an error by.
func exitCode(err error) int {
	var f *failure
	switch {
	case errors.As(err, new(usage)):
		return exitUsage
	case errors.As(err, &f):
		return f.code
	}
	return exitOther
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
	case http.StatusUnprocessableEntity:
		return exitWrong
	case http.StatusTooManyRequests:
		return exitLimited
	case http.StatusServiceUnavailable:
		return exitUnreachable
	}
	return exitOther
}
