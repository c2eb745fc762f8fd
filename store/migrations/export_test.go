package migrations

// Listing is listing, for tests.
var Listing = listing
