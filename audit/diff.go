package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Diff encodes two states of a thing and keeps only the members that differ, so that an entry tells the change and not the
// thing. A member that one side lacks is kept on the other. nil stands for no thing and gives nil; a state that is no JSON
// object is kept whole.
//
//	Diff(Customer{Name: "a", Tag: "x"}, Customer{Name: "b", Tag: "x"}) // {"Name":"a"}, {"Name":"b"}
func Diff(before, after any) (json.RawMessage, json.RawMessage, error) {
	b, err := encode(before)
	if err != nil {
		return nil, nil, fmt.Errorf("audit entry, before: %w", err)
	}
	a, err := encode(after)
	if err != nil {
		return nil, nil, fmt.Errorf("audit entry, after: %w", err)
	}
	var old, now map[string]json.RawMessage
	if json.Unmarshal(b, &old) != nil || json.Unmarshal(a, &now) != nil || old == nil || now == nil {
		return b, a, nil
	}
	for name, v := range old {
		if w, ok := now[name]; ok && bytes.Equal(v, w) {
			delete(old, name)
			delete(now, name)
		}
	}
	if b, err = json.Marshal(old); err != nil {
		return nil, nil, fmt.Errorf("audit entry, before: %w", err)
	}
	if a, err = json.Marshal(now); err != nil {
		return nil, nil, fmt.Errorf("audit entry, after: %w", err)
	}
	return b, a, nil
}

func encode(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}
