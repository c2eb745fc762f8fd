//go:build linux

package child

// oldCalls are those that newer instruction sets no longer have: this one never had them.
var oldCalls []uint32
