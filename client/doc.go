// Package client is the Go client of a server's REST API: the part of it that the command line and the tests use, under
// /espalier/v1 and /msp.
//
// Read [Client] first, then [Error]. A client is made of an address and a refresh token:
//
//	c, err := client.New(client.Config{URL: "https://espalier.example.com", RefreshToken: token})
//	if err != nil {
//		return err
//	}
//	for customer, err := range c.Customers(ctx, org, client.CustomerQuery{Filter: "name co 'Acme'"}) {
//		...
//	}
//
// It fetches access tokens itself, renews them after half of their life and once more when the server refuses one,
// waits where the server says Retry-After, and gives every call a request id that the server's log holds too. It knows
// nothing of the store and of the handlers: what it sends and reads is the contract's, spelled in package wire.
// Package clienttest holds a small working server for the tests of programs that use it.
package client
