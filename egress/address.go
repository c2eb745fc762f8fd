package egress

import "net/netip"

// inside are the ranges that no request reaches: this machine, its networks, and what is not of the public internet. Private,
// loopback, link-local and multicast addresses are asked of netip.
// Source: the IANA special-purpose address registries, and the addresses at which clouds serve metadata.
var inside = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "168.63.129.16/32",
	"100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
)

// carriers are ranges of IPv6 whose addresses hold one of IPv4, with the byte at which it begins: what they carry counts.
var carriers = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::/96"), 12},
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("64:ff9b:1::/48"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		list[i] = netip.MustParsePrefix(t)
	}
	return list
}

// public reports whether an address is of the public internet, whatever form it comes in.
func public(a netip.Addr) bool {
	a = a.WithZone("").Unmap()
	for _, c := range carriers {
		if c.prefix.Contains(a) {
			b := a.As16()
			return !a.IsUnspecified() && !a.IsLoopback() && public(netip.AddrFrom4([4]byte(b[c.at:c.at+4])))
		}
	}
	return a.IsGlobalUnicast() && !a.IsPrivate() && !within(inside, a)
}

func within(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
