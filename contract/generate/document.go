package main

import (
	"bytes"
	"encoding/json"
)

// The part of an OpenAPI 3.0 document that the tables are made of.

type document struct {
	OpenAPI    string                         `json:"openapi"`
	Info       struct{ Title string }         `json:"info"`
	Paths      map[string]map[string]opObject `json:"paths"`
	Components struct {
		Schemas map[string]*schemaObject `json:"schemas"`
	} `json:"components"`
	Security []map[string][]string `json:"security"`
}

type opObject struct {
	OperationID string                    `json:"operationId"`
	Parameters  []paramObject             `json:"parameters"`
	RequestBody *bodyObject               `json:"requestBody"`
	Responses   map[string]responseObject `json:"responses"`
	Security    *[]map[string][]string    `json:"security"` // nil: the document's own
}

type paramObject struct {
	Name            string        `json:"name"`
	In              string        `json:"in"`
	Required        bool          `json:"required"`
	AllowEmptyValue bool          `json:"allowEmptyValue"`
	Schema          *schemaObject `json:"schema"`
}

type bodyObject struct {
	Required bool                   `json:"required"`
	Content  map[string]mediaObject `json:"content"`
	MaxBytes int64                  `json:"x-max-bytes"`
}

type mediaObject struct {
	Schema *schemaObject `json:"schema"`
}

type responseObject struct {
	Content map[string]mediaObject `json:"content"`
	Headers map[string]any         `json:"headers"`
}

// schemaObject knows every keyword that may stand in a schema of a request; decoding it refuses others.
type schemaObject struct {
	Ref                  string                   `json:"$ref"`
	Type                 string                   `json:"type"`
	Format               string                   `json:"format"`
	Description          string                   `json:"description"`
	Default              any                      `json:"default"`
	Minimum              *int64                   `json:"minimum"`
	Maximum              *int64                   `json:"maximum"`
	MinLength            int                      `json:"minLength"`
	MaxLength            int                      `json:"maxLength"`
	MinItems             int                      `json:"minItems"`
	MaxItems             int                      `json:"maxItems"`
	Pattern              string                   `json:"pattern"`
	Enum                 []any                    `json:"enum"`
	Properties           map[string]*schemaObject `json:"properties"`
	Required             []string                 `json:"required"`
	Items                *schemaObject            `json:"items"`
	AdditionalProperties *schemaObject            `json:"additionalProperties"`
}

// UnmarshalJSON refuses keywords that the tables cannot hold.
func (s *schemaObject) UnmarshalJSON(text []byte) error {
	if string(text) == "true" { // additionalProperties: true
		return nil
	}
	type plain schemaObject
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode((*plain)(s))
}
