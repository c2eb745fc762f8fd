package doortest

// tolerated lists the statuses that an operation may answer although its document does not declare them, with the reason.
// Lies of schemas are corrected in contract/corrections.go.
var tolerated = map[int]string{
	404: "an organization the caller has no tie to is not found, also where the operation declares no 404",
}

// openAnswers are declared without a media type and have a body all the same.
var openAnswers = map[string]string{
	"SAML2 Identity Provider#metadata": "the metadata of an identity provider is XML, which the document leaves out",
}

// sameAs are types that stand for a declared one where the client asks for them.
var sameAs = map[string]string{
	"application/scim+json": "application/json", // RFC 7644, section 8.2; the contract says to take both
}
