// Package door is what every API request passes before a handler sees it, and every answer on its way out: one mechanism
// for all documents of the contract.
//
// Read [Door], [Handler] and [Request] first:
//
//	d, err := door.New(door.Config{Authenticate: tokens.Caller})
//	err = d.Mount("msp", map[string]door.Handler{"MSP Customer#Show": s.showCustomer, ...})
//	http.Handle("/msp/", d)
//
//	func (s *server) showCustomer(w http.ResponseWriter, r *door.Request) error {
//		c, err := s.orgs.Customer(r.Context(), r.Caller(), r.OrgID(), ref.OrgID(r.Int64("customerId")), r.String("view"))
//		if err != nil {
//			return err
//		}
//		return door.JSON(w, http.StatusOK, wireCustomer(c))
//	}
//
// In this order: request id, route, authentication, rate, parameters, body, handler. Methods, paths, parameters, bodies and
// statuses come from contract/opgen, so a handler holds meaning only. Errors are returned, and written in one place, in the
// status, media type and form that the operation declares. Rights are left to the services, meaning to the handlers.
// Source: README of the contract, section 1.
package door
