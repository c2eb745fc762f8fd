package contract

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Corrected returns the document of an API with its [Corrections] applied. It fails when one of them does not meet what it
// expects, for then the document has changed and the correction must be judged anew.
func Corrected(api string) ([]byte, error) {
	text, err := Document(api)
	if err != nil {
		return nil, err
	}
	doc, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s.openapi.json: %w", api, err)
	}
	for _, c := range Corrections {
		if c.API != api {
			continue
		}
		if doc, err = c.apply(doc); err != nil {
			return nil, fmt.Errorf("correction of %s at %s: %w", c.API, c.Pointer, err)
		}
	}
	return json.Marshal(doc)
}

// parse keeps numbers as they are written, so that a bound does not change on its way through.
func parse(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}

// apply returns doc changed in place.
func (c Correction) apply(doc any) (any, error) {
	old, err := optional(c.Old)
	if err != nil {
		return nil, fmt.Errorf("old value: %w", err)
	}
	replacement, err := optional(c.New)
	if err != nil {
		return nil, fmt.Errorf("new value: %w", err)
	}
	if !strings.HasPrefix(c.Pointer, "/") {
		return nil, fmt.Errorf("a pointer begins with a slash")
	}
	return doc, change(doc, strings.Split(c.Pointer[1:], "/"), old, replacement)
}

func optional(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	return parse([]byte(text))
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

func change(at any, steps []string, old, replacement any) error {
	step := unescape.Replace(steps[0])
	switch at := at.(type) {
	case map[string]any:
		if len(steps) > 1 {
			return change(at[step], steps[1:], old, replacement)
		}
		if !reflect.DeepEqual(at[step], old) {
			return fmt.Errorf("expected %v, found %v", old, at[step])
		}
		if replacement == nil {
			delete(at, step)
		} else {
			at[step] = replacement
		}
		return nil
	case []any:
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(at) || len(steps) == 1 {
			return fmt.Errorf("%q is no member of a list of %d that could be entered", step, len(at))
		}
		return change(at[i], steps[1:], old, replacement)
	default:
		return fmt.Errorf("%q leads nowhere", step)
	}
}
