package org

// IsEmail reports whether a text is an e-mail address that the contract can show.
func IsEmail(text string) bool { return len(text) <= maxEmail && emailShape().MatchString(text) }
