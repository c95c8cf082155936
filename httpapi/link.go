package httpapi

import "net/url"

// linkNext adds where the next page is (RFC 8288): the same request with another
// cursor, which says by itself between what bounds and in which direction it goes on.
func (x *exchange) linkNext(cursor string) {
	const carried = paramCursor | paramStartKey | paramEndKey | paramPrefix | paramReverse
	path, _, _ := splitTarget(&x.ctx.Request.Header)
	b := append(append(x.buf[:0], '<'), path...)
	separator := byte('?')
	for i := range parameterNames {
		if p := parameter(1 << i); !x.query.has(p) || carried&p != 0 {
			continue
		}
		b = append(append(b, separator), parameterNames[i]...)
		if separator = '&'; x.query.values[i] != "" {
			b = append(append(b, '='), url.QueryEscape(x.query.values[i])...)
		}
	}
	b = append(append(b, separator), "cursor="...)
	b = append(append(b, cursor...), `>; rel="next"`...)
	x.buf = b
	x.ctx.Response.Header.SetCanonical([]byte("Link"), b)
}
