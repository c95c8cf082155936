package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// parsePrefix reads a network such as 10.0.0.0/8, or one address.
func parsePrefix(text string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err == nil && !p.Addr().Is4In6()
}

// Proxies are the networks of trusted_proxies.
func (c Config) Proxies() []netip.Prefix {
	var out []netip.Prefix
	for _, text := range c.TrustedProxies {
		if p, ok := parsePrefix(text); ok {
			out = append(out, p)
		}
	}
	return out
}

// isOrigin accepts an origin as browsers write it: scheme, host, and a port that
// is not the scheme's own, in lower case (RFC 6454 section 6.2).
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != text || text != strings.ToLower(text) {
		return false
	}
	ownPort := map[string]string{"http": "80", "https": "443"}
	return ownPort[u.Scheme] != "" && u.Port() != ownPort[u.Scheme] && !strings.HasSuffix(u.Host, ":") &&
		isHost(strings.Trim(u.Hostname(), "[]"))
}
