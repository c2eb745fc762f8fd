package cli

import (
	"errors"
	"fmt"
	"net/mail"

	"espalier.dev/contract/wire"
	"espalier.dev/org/sheet"
	"espalier.dev/ref"
)

// customerVerb is the verbs about the direct customers of an organization, each in a file customer_VERB.go.
type customerVerb struct {
	List   customerList   `cmd:"" help:"List customers."`
	Show   customerShow   `cmd:"" help:"Show one customer: capabilities and their ends, owners, tags."`
	Create customerCreate `cmd:"" help:"Create a customer."`
	Update customerUpdate `cmd:"" help:"Change a customer; what is not given stays."`
	Delete customerDelete `cmd:"" help:"Delete customers for good."`
	Tag    customerTag    `cmd:"" help:"Add and remove tags of a customer, or list them."`
	Import customerImport `cmd:"" help:"Create and update customers from a CSV file."`
	Export customerExport `cmd:"" help:"Write customers to a CSV or XLSX file."`
}

// customerID is the argument of a verb about one customer.
type customerID struct {
	ID ref.OrgID `arg:"" name:"id" help:"Id of the customer."`
}

// Validate is called by kong.
func (c *customerID) Validate() error { return positive(c.ID) }

func positive(id ref.OrgID) error {
	if id < 1 {
		return fmt.Errorf("id %d: want a positive number", id)
	}
	return nil
}

// grantFlag is a capability as flags and CSV files spell it: NAME, or NAME@DATE with a date of its own.
type grantFlag wire.CapabilityRequest

// UnmarshalText reads policy, policy@2027-06-30 or policy@2027-06-30T12:00:00Z; a bare date is 00:00 UTC.
func (g *grantFlag) UnmarshalText(text []byte) error {
	w, err := sheet.ParseCapability(string(text))
	if err != nil {
		return fmt.Errorf("capability %s: %w", w.Name, err)
	}
	if w.Name == "" {
		return errors.New("a capability needs a name")
	}
	*g = grantFlag{Name: w.Name, ExpiresAt: w.ExpiresAt}
	if w.ExpiresAt != nil {
		custom := true
		g.HasCustomExpiry = &custom
	}
	return nil
}

// ownerFlag is an owner as flags and CSV files spell it: an e-mail, or a name with the e-mail in angle brackets.
type ownerFlag wire.OwnerRequest

// UnmarshalText reads ann@acme.example or Ann Lee <ann@acme.example>.
func (o *ownerFlag) UnmarshalText(text []byte) error {
	parsed, err := sheet.ParseOwner(string(text))
	if err == nil {
		_, err = mail.ParseAddress(parsed.Email)
	}
	if err != nil {
		return fmt.Errorf("%q: want ann@acme.example or 'Ann Lee <ann@acme.example>'", text)
	}
	*o = ownerFlag{Email: parsed.Email, FirstName: parsed.FirstName, LastName: parsed.LastName}
	return nil
}

func grants(flags []grantFlag) []wire.CapabilityRequest {
	if flags == nil {
		return nil // an update keeps what is
	}
	list := make([]wire.CapabilityRequest, len(flags))
	for i, f := range flags {
		list[i] = wire.CapabilityRequest(f)
	}
	return list
}

func owners(flags []ownerFlag) []wire.OwnerRequest {
	if flags == nil {
		return nil
	}
	list := make([]wire.OwnerRequest, len(flags))
	for i, f := range flags {
		list[i] = wire.OwnerRequest(f)
	}
	return list
}
