// Package value holds the run-time values of the template language: what a response, a script or a term gives.
//
//	v, err := value.Decode([]byte(`{"id": 12345678901234567890, "price": 1.10}`))
//	m := v.(*value.Map)
//	id, _ := m.Get("id")         // value.Number("12345678901234567890"): all digits are kept
//	value.Text(id)               // "12345678901234567890"
//	value.Encode(v)              // {"id":12345678901234567890,"price":1.10}
//
// Read Value first, then Map and Number. Values are shared between datasources, so nothing may change a value that was
// handed on: whoever builds one fills it first. JSON from outside comes in through Decode, whose Limits bound its depth
// and the memory that it takes.
//
// How a text becomes JSON, XML or CSV is package extract's; what the functions of the language do is package term's.
package value
