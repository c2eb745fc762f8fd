package message

import (
	"sync"

	"espalier.dev/policylang/value"
)

// Words are the reserved words that a text template may name.
var Words = []string{"rs_org_id", "rs_org_name", "rs_project_id", "rs_project_name", "rs_cm_host", "rs_ss_host", "rs_optima_host", "rs_governance_host"}

// Data is what a template is executed with. Several templates, one after the other or at once, may share it.
type Data struct {
	plain func() map[string]any
}

// NewData makes the data of an incident: what violates the policy, the values of its parameters, and what the [Words] stand
// for, of which one without a value is empty; other words are left out.
func NewData(violation value.Value, parameters *value.Map, words map[string]value.Value) *Data {
	return &Data{sync.OnceValue(func() map[string]any {
		all := map[string]any{"data": plain(violation), "parameters": plain(parameters)}
		for _, w := range Words {
			all[w] = ""
			if v := words[w]; v != nil {
				all[w] = plain(v)
			}
		}
		return all
	})}
}

// root is the dot of the outermost template: the functions' values by name.
func (d *Data) root() map[string]any { return d.plain() }

// plain is a value for the library: its lists and maps, and numbers of our types.
func plain(v value.Value) any {
	switch v := v.(type) {
	case value.Number:
		return number(v)
	case []value.Value:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = plain(e)
		}
		return out
	case *value.Map:
		out := make(map[string]any, v.Len())
		for k, e := range v.All() {
			out[k] = plain(e)
		}
		return out
	case value.Internal:
		return plain(v.Settle())
	}
	return v
}
