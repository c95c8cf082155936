package httpapi

import (
	"encoding/json"
	"time"
)

// parseTTL reads a Go duration or "0". A positive duration below one
// millisecond counts as one: rounding it to nothing would mean "never".
func parseTTL(text string) (TTL, *Problem) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, newProblem(slugInvalidTTL, "the ttl "+quoted(text)+
			" is not a duration: write one such as \"90s\", \"1h30m\" or \"720h\", or \"0\" for never")
	}
	switch {
	case d < 0:
		return 0, newProblem(slugInvalidTTL, "the ttl "+quoted(text)+
			" is negative: write a positive duration, or \"0\" for never")
	case d == 0:
		return TTLNever, nil
	}
	// Written so that the longest duration does not overflow on its way up.
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond != 0 {
		ms++
	}
	return TTL(ms), nil
}

// parseEnvelopeTTL reads the ttl field of an envelope, itself valid JSON.
// Anything but a string is refused: storing such a body as a plain value
// would hide that an expiry was lost.
func parseEnvelopeTTL(field []byte) (TTL, *Problem) {
	var text string
	if field[0] != '"' || json.Unmarshal(field, &text) != nil {
		return 0, newProblem(slugInvalidTTL, "the ttl of the envelope is "+quoted(field)+
			", not a string such as \"1h\"; ?raw=true stores such a body as it is")
	}
	return parseTTL(text)
}
