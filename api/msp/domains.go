package msp

import (
	"net/http"

	"espalier.dev/api/door"
	"espalier.dev/api/iam"
	"espalier.dev/ref"
)

// verifyDomain verifies a domain of a customer on the word of the parent, which has it itself.
func (s *server) verifyDomain(w http.ResponseWriter, r *door.Request) error {
	d, err := s.providers.VouchForDomain(r.Context(), r.Caller(), r.OrgID(), customerID(r), ref.ProviderID(r.String("identityProviderId")), r.String("name"))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, iam.Domain(d))
}
