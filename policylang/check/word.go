package check

// word is a reserved word: what it is, and where it may stand.
type word struct {
	types types
	where scope
	doc   string
}

var reserved = map[string]word{
	"rs_org_id":             {number, everywhere, "id of the organization"},
	"rs_org_name":           {text, everywhere, "name of the organization"},
	"rs_project_id":         {number, everywhere, "id of the project"},
	"rs_project_name":       {text, everywhere, "name of the project"},
	"rs_optima_host":        {text, everywhere, "host of the cost API"},
	"rs_governance_host":    {text, everywhere, "host of the policy API"},
	"rs_cm_host":            {text, everywhere, "host of a product that is no more"},
	"rs_ss_host":            {text, everywhere, "host of a product that is no more"},
	"f1_app_host":           {text, everywhere, "host of the console"},
	"policy_id":             {text, everywhere, "id of the applied policy; empty if the template is tried without being applied"},
	"meta_parent_policy_id": {text, everywhere, "id of the policy that applied this one; empty if there is none"},
	"now":                   {date, everywhere, "the present time, in UTC"},
	"data":                  {unknown, inData, "what is validated; in escalations, what the incident is about"},
	"item":                  {unknown, inItem, "the element that is checked"},
	"response":              {unknown, inResponse, "the decoded body of the response"},
	"iter_item":             {unknown, inIterate, "the element of the iterated list"},
	"iter_index":            {number, inIterate, "the place of the element, from 0"},
	"col_item":              {unknown, inCollect, "the element of the collected list"},
	"col_index":             {number, inCollect, "the place of the element, from 0"},
}
