package incident

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/message"
	"espalier.dev/policylang/value"
)

// State is how far an incident is.
type State string

// The states. An incident is terminated when its policy is.
const (
	Triggered  State = "triggered"
	Resolved   State = "resolved"
	Terminated State = "terminated"
)

// Incident is what a validation found, as it is stored.
type Incident struct {
	// Validation is the number of the validation in the policy, from 0.
	Validation int    `json:"validation"`
	State      State  `json:"state"`
	DryRun     bool   `json:"dryRun,omitempty"`
	Severity   string `json:"severity"`
	Category   string `json:"category,omitempty"`
	// Summary and Detail are Markdown; Detail is empty if the template gives none.
	Summary string      `json:"summary"`
	Detail  string      `json:"detail,omitempty"`
	Data    value.Value `json:"data"`
	// Rows is how many rows violate the policy, one at least.
	Rows int `json:"rows"`
	// Hash tells whether the violation changed.
	Hash      string    `json:"hash"`
	CreatedAt time.Time `json:"createdAt"`
	// UpdatedAt is when the violation changed last, CheckedAt when it was found last.
	UpdatedAt  time.Time `json:"updatedAt"`
	CheckedAt  time.Time `json:"checkedAt"`
	ResolvedAt time.Time `json:"resolvedAt,omitzero"`
	// ResolvedBy is empty if no person did it.
	ResolvedBy        string `json:"resolvedBy,omitempty"`
	ResolutionMessage string `json:"resolutionMessage,omitempty"`
}

// UnmarshalJSON reads an incident as it was written, numbers included.
func (i *Incident) UnmarshalJSON(text []byte) error {
	type same Incident
	read := struct {
		*same
		Data json.RawMessage `json:"data"`
	}{same: (*same)(i)}
	return readData(text, &read, &read.Data, &i.Data)
}

// readData decodes a struct of which one member is a value.
func readData(text []byte, into any, raw *json.RawMessage, data *value.Value) error {
	if err := json.Unmarshal(text, into); err != nil || *raw == nil {
		return err
	}
	v, err := value.Decode(*raw)
	*data = v
	return err
}

// Subject is what actions are about: an incident as it was when they began, and what their terms may name. It is stored
// beside the runs that began with it.
type Subject struct {
	// Key is the hash of the content but for Link, which is known only when the incident is stored. A run names its subject
	// by it.
	Key         string      `json:"key"`
	Validation  int         `json:"validation"`
	Summary     string      `json:"summary"`
	Detail      string      `json:"detail,omitempty"`
	Severity    string      `json:"severity"`
	Category    string      `json:"category,omitempty"`
	Data        value.Value `json:"data"`
	Parameters  *value.Map  `json:"parameters"`
	Datasources *value.Map  `json:"datasources"`
	Words       eval.Words  `json:"words"`
	DryRun      bool        `json:"dryRun,omitempty"`
	// SkipApprovals passes over requests for approval.
	SkipApprovals bool `json:"skipApprovals,omitempty"`
	// Policy is the name of the applied policy, for mails; Link leads to the incident. Both may be empty.
	Policy string `json:"policy,omitempty"`
	Link   string `json:"link,omitempty"`
}

// UnmarshalJSON reads a subject as it was written, numbers included.
func (s *Subject) UnmarshalJSON(text []byte) error {
	type same Subject
	read := struct {
		*same
		Data json.RawMessage `json:"data"`
	}{same: (*same)(s)}
	return readData(text, &read, &read.Data, &s.Data)
}

// HTML are summary and detail as they are shown.
func (i Incident) HTML() (summary, detail string) {
	return message.HTML(i.Summary), message.HTML(i.Detail)
}

// subject makes the subject of an incident.
func (p *Plan) subject(e Evaluation, i Incident) *Subject {
	s := &Subject{
		Validation: i.Validation, Summary: i.Summary, Detail: i.Detail, Severity: i.Severity, Category: i.Category, Data: i.Data,
		Parameters: e.Result.Parameters, Datasources: e.Result.Datasources, Words: e.Words,
		DryRun: e.DryRun, SkipApprovals: e.SkipApprovals, Policy: e.Policy,
	}
	text, _ := json.Marshal(s) // of nothing but texts, numbers and values
	sum := sha256.Sum256(text)
	s.Key = hex.EncodeToString(sum[:])
	return s
}

// hash is over what the hash of a validation has of its data: the rows in their order, or an object, without the fields
// that are left out.
func (v *validation) hash(data value.Value) string {
	sum := sha256.Sum256(value.EncodeSorted(v.hashed(data)))
	return hex.EncodeToString(sum[:])
}

func (v *validation) hashed(data value.Value) value.Value {
	if len(v.include) == 0 && len(v.exclude) == 0 {
		return data
	}
	switch d := data.(type) {
	case []value.Value:
		out := make([]value.Value, len(d))
		for i, row := range d {
			out[i] = v.counted(row)
		}
		return out
	}
	return v.counted(data)
}

// counted is a row without the fields that its hash leaves out.
func (v *validation) counted(row value.Value) value.Value {
	m, ok := row.(*value.Map)
	if !ok {
		return row
	}
	out := value.New()
	for k, e := range m.All() {
		if len(v.include) > 0 && !slices.Contains(v.include, k) || slices.Contains(v.exclude, k) {
			continue
		}
		out.Set(k, e)
	}
	return out
}

func (p *Plan) validation(n int) *validation {
	if n < 0 || n >= len(p.validations) {
		return nil
	}
	return p.validations[n]
}
