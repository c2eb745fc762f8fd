package access

import "strings"

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

	OrgShow         Privilege = "iam:org:show"
	ProjectIndex    Privilege = "iam:project:index"
	CapabilityIndex Privilege = "iam:capability:index"
	CapabilityShow  Privilege = "iam:capability:show"
)

// Self marks an operation on what the caller owns (its tokens, its profile): it asks for no privilege in an organization.
const Self Privilege = "self"

// affiliated are the privileges that every member of an organization has, whatever roles it holds.
// Source: the contract's privilege lists, alternative common:org:affiliated.
var affiliated = map[Privilege]bool{OrgShow: true, CapabilityIndex: true, CapabilityShow: true}

// operations is the one table of which operation asks for which privilege, by API and operationId.
// The contract publishes no mapping for iam and msp; it follows from the names (contract, section 1.1).
var operations = map[string]map[string]Privilege{
	"msp": {
		"MSP Customer#Index": CustomerIndex, "MSP Customer V2#IndexV2": CustomerIndex,
		"MSP Customer#Show": CustomerShow, "MSP Customer V2#ShowV2": CustomerShow,
		"MSP Customer#Create": CustomerCreate, "MSP Customer V2#CreateV2": CustomerCreate, "MSP Customer V2#BulkCreateV2": CustomerCreate,
		"MSP Customer#Update": CustomerUpdate, "MSP Customer V2#UpdateV2": CustomerUpdate,
		"MSP Customer#Delete": CustomerDelete, "MSP Customer V2#DeleteV2": CustomerDelete, "MSP Customer V2#BulkDeleteV2": CustomerDelete,
		"MSP Customer Tag#Index Customers": TagIndex,
		"MSP Customer Tag#Show":            TagShow,
		"MSP Customer Tag#Create":          TagCreate,
		"MSP Customer Tag#Delete":          TagDelete,
	},
	"iam": {
		"Organization#show": OrgShow,
		"Project#Index":     ProjectIndex,
		"Capability#index":  CapabilityIndex,
		"Capability#show":   CapabilityShow,
	},
	"espalier": {
		"Me#show":          Self,
		"Token#index":      Self,
		"Token#create":     Self,
		"Token#revoke":     Self,
		"Customer#index":   CustomerIndex,
		"Customer#show":    CustomerShow,
		"Customer#import":  CustomerCreate, // and CustomerUpdate, since a row may be of a customer that exists
		"Customer#export":  CustomerIndex,
		"Capability#index": CapabilityIndex,
		"Tag#index":        TagIndex,
	},
}

// PrivilegeOf returns the privilege that an operation of an API asks for; ok is false for one that is not served.
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
	capability string
	holders    RoleSet // the roles that give it
	affiliated bool
}

var rules = compile()

func compile() map[Privilege]rule {
	m := make(map[Privilege]rule)
	for _, api := range operations {
		for _, p := range api {
			r := rule{capability: p.Capability(), affiliated: affiliated[p]}
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
