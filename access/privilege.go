package access

import (
	"maps"
	"slices"
	"strings"
)

// Privilege is a right of the form service:resource:verb.
type Privilege string

// The privileges that services ask for.
const (
	CustomerIndex  Privilege = "msp:customer:index"
	CustomerShow   Privilege = "msp:customer:show"
	CustomerCreate Privilege = "msp:customer:create"
	CustomerUpdate Privilege = "msp:customer:update"
	CustomerDelete Privilege = "msp:customer:delete"
	TagIndex       Privilege = "msp:customer_tag:index"
	TagShow        Privilege = "msp:customer_tag:show"
	TagCreate      Privilege = "msp:customer_tag:create"
	TagDelete      Privilege = "msp:customer_tag:delete"

	DomainVerify Privilege = "msp:customer_saml2_domain:verify"

	OrgShow             Privilege = "iam:org:show"
	ProjectIndex        Privilege = "iam:project:index"
	ProjectCreate       Privilege = "iam:project:create" // ours: the contract has no such operation
	CapabilityIndex     Privilege = "iam:capability:index"
	CapabilityShow      Privilege = "iam:capability:show"
	UserIndex           Privilege = "iam:org_user:index"
	UserShow            Privilege = "iam:org_user:show"
	UserCreate          Privilege = "iam:org_user:create"
	UserDelete          Privilege = "iam:org_user:delete"
	UserUpdate          Privilege = "iam:org_user:update" // ours: to shut a member out and let it in again
	InvitationIndex     Privilege = "iam:invitation:index"
	InvitationShow      Privilege = "iam:invitation:show"
	InvitationCreate    Privilege = "iam:invitation:create"
	InvitationDelete    Privilege = "iam:invitation:delete"
	InvitationResend    Privilege = "iam:invitation:resend"
	GroupIndex          Privilege = "iam:group:index"
	GroupShow           Privilege = "iam:group:show"
	GroupCreate         Privilege = "iam:group:create"
	GroupUpdate         Privilege = "iam:group:update"
	GroupDelete         Privilege = "iam:group:delete"
	MembershipIndex     Privilege = "iam:membership:index"
	MembershipCreate    Privilege = "iam:membership:create"
	MembershipReplace   Privilege = "iam:membership:replace"
	MembershipDelete    Privilege = "iam:membership:delete"
	RoleIndex           Privilege = "iam:role:index"
	RoleShow            Privilege = "iam:role:show"
	RuleIndex           Privilege = "iam:access_rule:index"
	RuleGrant           Privilege = "iam:access_rule:grant"
	RuleRevoke          Privilege = "iam:access_rule:revoke"
	PolicyIndex         Privilege = "iam:access_policy:index"
	PolicyShow          Privilege = "iam:access_policy:show"
	PolicyCreate        Privilege = "iam:access_policy:create"
	PolicyUpdate        Privilege = "iam:access_policy:update"
	PolicyDelete        Privilege = "iam:access_policy:delete"
	AccountIndex        Privilege = "iam:service_account:index"
	AccountShow         Privilege = "iam:service_account:show"
	AccountCreate       Privilege = "iam:service_account:create"
	AccountUpdate       Privilege = "iam:service_account:update"
	AccountDelete       Privilege = "iam:service_account:delete"
	ClientIndex         Privilege = "iam:service_account_client:index"
	ClientShow          Privilege = "iam:service_account_client:show"
	ClientCreate        Privilege = "iam:service_account_client:create"
	ClientDelete        Privilege = "iam:service_account_client:delete"
	ProviderIndex       Privilege = "iam:saml2_identity_provider:index"
	ProviderShow        Privilege = "iam:saml2_identity_provider:show"
	ProviderCreate      Privilege = "iam:saml2_identity_provider:create"
	ProviderUpdate      Privilege = "iam:saml2_identity_provider:update"
	ProviderDelete      Privilege = "iam:saml2_identity_provider:delete"
	ProviderMetadata    Privilege = "iam:saml2_identity_provider:metadata"
	ProviderKeyIndex    Privilege = "iam:saml2_identity_provider_signing_key:index"
	ProviderKeyShow     Privilege = "iam:saml2_identity_provider_signing_key:show"
	ProviderKeyGenerate Privilege = "iam:saml2_identity_provider_signing_key:generate"
	DomainIndex         Privilege = "iam:saml2_domain:index"
	DomainShow          Privilege = "iam:saml2_domain:show"
	DomainRegister      Privilege = "iam:saml2_domain:register"
	DomainDelete        Privilege = "iam:saml2_domain:delete"
	DomainProve         Privilege = "iam:saml2_domain:verify"
	LoginPolicyShow     Privilege = "iam:login_policy:show"
	LoginPolicyUpdate   Privilege = "iam:login_policy:update"
	SettingIndex        Privilege = "iam:customization:index"
	SettingShow         Privilege = "iam:customization:show"
	SettingUpsert       Privilege = "iam:customization:upsert"
	SettingTypeIndex    Privilege = "iam:customization_type:index"
	SettingTypeShow     Privilege = "iam:customization_type:show"
	ContractIndex       Privilege = "iam:contract:index"
	ContractShow        Privilege = "iam:contract:show"
	ContractCreate      Privilege = "iam:contract:create"
	ContractUpdate      Privilege = "iam:contract:update"
	ContractDelete      Privilege = "iam:contract:delete"
	EventIndex          Privilege = "iam:event:index"
	APIEventIndex       Privilege = "iam:api_event:index"
	ApplicationIndex    Privilege = "iam:application:index"
	ApplicationShow     Privilege = "iam:application:show"
	ApplicationCreate   Privilege = "iam:application:create"
	ApplicationUpdate   Privilege = "iam:application:update"
	ApplicationDelete   Privilege = "iam:application:delete"

	SCIMUserIndex   Privilege = "scim:user:index"
	SCIMUserShow    Privilege = "scim:user:show"
	SCIMUserCreate  Privilege = "scim:user:create"
	SCIMUserUpdate  Privilege = "scim:user:update"
	SCIMUserDelete  Privilege = "scim:user:delete"
	SCIMGroupIndex  Privilege = "scim:group:index"
	SCIMGroupShow   Privilege = "scim:group:show"
	SCIMGroupCreate Privilege = "scim:group:create"
	SCIMGroupUpdate Privilege = "scim:group:update"
	SCIMGroupDelete Privilege = "scim:group:delete"
	SCIMConfigIndex Privilege = "scim:config:index"
	SCIMConfigShow  Privilege = "scim:config:show"
)

// OrgOwn is what owners alone have: no other role can hold it.
const OrgOwn Privilege = "common:org:own"

// Self marks an operation on what the caller owns (its tokens, its profile): it asks for no privilege in an organization.
const Self Privilege = "self"

// affiliated are the privileges that every member of an organization has, whatever roles it holds.
// Source: the contract's privilege lists, alternative common:org:affiliated.
var affiliated = map[Privilege]bool{
	OrgShow: true, CapabilityIndex: true, CapabilityShow: true, RoleIndex: true, RoleShow: true, GroupIndex: true,
	PolicyIndex: true, PolicyShow: true, ContractIndex: true, ContractShow: true, SettingIndex: true, SettingShow: true,
}

// PrivilegeOf returns the privilege that an operation of an API asks for; ok is false for one of no API of ours.
func PrivilegeOf(api, operationID string) (p Privilege, ok bool) {
	p, ok = operations[api][operationID]
	return p, ok
}

// Capability returns the capability that an operation with this privilege belongs to.
func (p Privilege) Capability() string {
	service, _, _ := strings.Cut(string(p), ":")
	switch service {
	case "msp":
		return "msp"
	case "policy", "cred", "governance":
		return "policy"
	}
	return "iam"
}

// rule is what a privilege asks for, worked out once.
type rule struct {
	gate       int     // of the capability
	holders    RoleSet // the roles that give it
	affiliated bool
}

var rules = compile()

func compile() map[Privilege]rule {
	m := make(map[Privilege]rule)
	beside := map[string]Privilege{"": OrgOwn}
	for _, api := range append(slices.Collect(maps.Values(operations)), beside) {
		for _, p := range api {
			r := rule{gate: gateOf(p.Capability()), affiliated: affiliated[p]}
			for _, role := range Roles {
				if role.Holds(p) {
					r.holders = r.holders.Add(role.ID)
				}
			}
			m[p] = r
		}
	}
	return m
}

// Grantable reports whether the privilege can be given by itself, as access policies do: one that operations ask for and that
// some role but org_owner gives.
func (p Privilege) Grantable() bool { return rules[p].holders&^ownersOnly != 0 }
