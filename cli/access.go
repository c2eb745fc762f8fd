package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"espalier.dev/client"
	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// accessVerb is the verbs about who may do what.
type accessVerb struct {
	List    accessList    `cmd:"" help:"List who holds which role."`
	Grant   accessGrant   `cmd:"" help:"Grant a role to users, user groups or service accounts."`
	Revoke  accessRevoke  `cmd:"" help:"Take a role back, or all of them."`
	Explain accessExplain `cmd:"" help:"Tell whether somebody has a privilege in an organization, and why."`
	Who     accessWho     `cmd:"" help:"List everybody who has a privilege in an organization, and why."`
}

// accessAsk is the question: where, and which privilege.
type accessAsk struct {
	Org       ref.OrgID     `arg:"" name:"org" help:"Organization asked about."`
	Privilege string        `arg:"" help:"Privilege, as policy:applied_policy:create."`
	Project   ref.ProjectID `key:"-" placeholder:"ID" help:"Ask about this project, where roles granted in it count too."`
	server
	jsonOutput
}

func (a *accessAsk) dial(sh *Shell) (*client.Client, client.AccessQuery, error) {
	p, err := a.profile(sh)
	if err != nil {
		return nil, client.AccessQuery{}, err
	}
	c, err := newClient(p.URL, p.RefreshToken)
	return c, client.AccessQuery{Privilege: a.Privilege, Project: a.Project}, err
}

type accessExplain struct {
	User string `arg:"" help:"A user by number or e-mail address, or a service account as service-account:4."`
	accessAsk
}

// Run asks the server and prints the answer with its reasons. A refusal that is explained is no failure.
func (v *accessExplain) Run(ctx context.Context, sh *Shell) error {
	c, q, err := v.dial(sh)
	if err != nil {
		return err
	}
	e, err := c.ExplainAccess(ctx, v.Org, v.User, q)
	if err != nil {
		return err
	}
	if v.JSON {
		return printJSON(sh.Out, e)
	}
	return printExplanation(sh.Out, e)
}

// printExplanation prints the answer, then what gives the privilege or would.
func printExplanation(w io.Writer, e wire.AccessExplanation) error {
	answer := "no: " + e.Refusal
	if e.Allowed {
		answer = "yes"
	}
	facts := table{}
	facts.add("Who", principalText(e.Principal))
	facts.add("Organization", e.OrgID.String())
	if e.ProjectID != 0 {
		facts.add("Project", e.ProjectID.String())
	}
	facts.add("Privilege", e.Privilege)
	facts.add("Allowed", answer)
	facts.add("Capability", capabilityState(e))
	facts.add("Member", membershipText(e))
	reasons := table{head: []string{"GIVEN BY", "ROLE", "COUNTS"}}
	for _, r := range e.Reasons {
		counts := "yes"
		if !r.Counts {
			counts = "no: " + r.Rests
		}
		reasons.add(reasonText(r), r.Role, counts)
	}
	return printTables(w, facts, reasons)
}

func principalText(p wire.AccessPrincipal) string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", strings.ReplaceAll(p.Kind, "-", " "), p.ID, p.Name))
}

func capabilityState(e wire.AccessExplanation) string {
	switch {
	case !e.CapabilityHeld:
		return e.Capability + ", not held"
	case !e.CapabilityActive:
		return e.Capability + ", ended " + instant(e.CapabilityEndsAt)
	case e.CapabilityEndsAt.IsZero():
		return e.Capability
	}
	return e.Capability + ", ends " + instant(e.CapabilityEndsAt)
}

func membershipText(e wire.AccessExplanation) string {
	text := e.Member
	if text == "" {
		text = "no"
	}
	if e.EveryMember {
		text += "; every member has this privilege"
	}
	return text
}

func reasonText(r wire.AccessReason) string {
	var text string
	switch r.Kind {
	case "policy":
		text = fmt.Sprintf("access policy %q for user group %d %q of the parent", r.AccessPolicyName, r.GroupID, r.GroupName)
	case "group":
		text = fmt.Sprintf("user group %d %q", r.GroupID, r.GroupName)
	default:
		text = "access rule"
	}
	if r.ProjectID != 0 {
		text += fmt.Sprintf(" in project %d", r.ProjectID)
	}
	return text
}

type accessWho struct{ accessAsk }

// Run lists who has the privilege. The JSON is a list of explanations.
func (v *accessWho) Run(ctx context.Context, sh *Shell) error {
	c, q, err := v.dial(sh)
	if err != nil {
		return err
	}
	list := []wire.AccessExplanation{}
	for e, err := range c.WhoHas(ctx, v.Org, q) {
		if err != nil {
			return err
		}
		list = append(list, e)
	}
	if v.JSON {
		return printJSON(sh.Out, wire.Values[wire.AccessExplanation]{Values: list})
	}
	t := table{head: []string{"WHO", "BECAUSE OF"}}
	for _, e := range list {
		t.add(principalText(e.Principal), strings.Join(because(e), "; "))
	}
	return t.print(sh.Out)
}

// because is the reasons that count, in short.
func because(e wire.AccessExplanation) []string {
	var list []string
	for _, r := range e.Reasons {
		if r.Counts {
			list = append(list, strings.TrimSpace(r.Role+" by "+reasonText(r)))
		}
	}
	if len(list) == 0 {
		list = append(list, "every member has it")
	}
	return list
}
