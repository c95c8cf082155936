// Package openapi reads a description of an HTTP API (OpenAPI 3.1, with the part of JSON
// Schema 2020-12 that ours uses) and holds answers against it.
//
// It owns the shape of a description and what it means that an answer is as described.
// httpapi shows its own description with it; tests of httpapi and e2e hold every answer
// against it.
//
// It never passes over what it does not know: a field or a keyword that it has no rule
// for is an error of Parse, so that no description seems to be checked when it is not.
//
// It is stricter than JSON Schema in one point: an object with properties may have no
// others, unless additionalProperties says so. Clients must bear new members; a
// description without them is out of date.
package openapi
