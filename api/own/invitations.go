package own

import (
	"net/http"

	"espalier.dev/api/door"
	apiiam "espalier.dev/api/iam"
	"espalier.dev/contract/wire"
)

// createInvitation answers with the link where no mail was sent: the one time that it is seen.
func (s *server) createInvitation(w http.ResponseWriter, r *door.Request) error {
	body, err := door.Body[wire.CreateInvitation](r)
	if err != nil {
		return err
	}
	i, link, err := s.People.Invite(r.Context(), r.Caller(), r.OrgID(), apiiam.NewInvitation(body))
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusCreated, wire.InvitationLink{ID: i.ID, Link: link})
}

func (s *server) resendInvitation(w http.ResponseWriter, r *door.Request) error {
	id := r.String("invitationId")
	link, err := s.People.Resend(r.Context(), r.Caller(), r.OrgID(), id)
	if err != nil {
		return err
	}
	return door.JSON(w, http.StatusOK, wire.InvitationLink{ID: id, Link: link})
}
