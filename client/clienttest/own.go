package clienttest

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"espalier.dev/contract/wire"
	"espalier.dev/ref"
)

// matching returns the customers that the query's filter selects, or answers 400.
func (s *Server) matching(w http.ResponseWriter, r *http.Request) ([]wire.Customer, bool) {
	filter := r.FormValue("filter")
	part, isName := strings.CutPrefix(filter, "name co '")
	part, closed := strings.CutSuffix(part, "'")
	if filter != "" && !(isName && closed) {
		Refuse(w, http.StatusBadRequest, "bad_request", "filter: want name co 'x'")
		return nil, false
	}
	list := []wire.Customer{}
	for _, c := range s.customers {
		if filter == "" || strings.Contains(c.Name, part) {
			list = append(list, c)
		}
	}
	return list, true
}

// list pages by position; its skip tokens are numbers.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	list, ok := s.matching(w, r)
	if !ok {
		return
	}
	limit, err := strconv.Atoi(r.FormValue("limit"))
	if err != nil {
		limit = 100
	}
	skip, _ := strconv.Atoi(r.FormValue("skipToken"))
	page := wire.CustomerPage{Total: int64(len(list)), Values: list[skip:min(skip+limit, len(list))]}
	for i := range page.Values {
		page.Values[i].Owners = nil
	}
	if skip+limit < len(list) {
		page.NextPage = fmt.Sprintf("%s?limit=%d&skipToken=%d", r.URL.Path, limit, skip+limit)
	}
	reply(w, http.StatusOK, page)
}

func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	if c := s.find(w, r); c != nil {
		reply(w, http.StatusOK, c)
	}
}

// importCSV streams a line of progress for each row. Rows of a known name are unchanged; one without a name fails, and then
// nothing is done.
func (s *Server) importCSV(w http.ResponseWriter, r *http.Request) {
	rows, err := csv.NewReader(r.Body).ReadAll()
	if err != nil || len(rows) == 0 {
		Refuse(w, http.StatusBadRequest, "bad_request", fmt.Sprint("the body is no CSV file: ", err))
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	column := slices.Index(rows[0], "name")
	result := wire.ImportResult{DryRun: r.FormValue("dryRun") == "true", Total: len(rows) - 1, Rows: []wire.ImportRow{}}
	result.Applied = !result.DryRun && !slices.ContainsFunc(rows, func(cells []string) bool { return cells[column] == "" })
	for i, cells := range rows[1:] {
		row := s.importRow(i+2, cells[column], result.Applied)
		switch row.Action {
		case wire.RowCreated:
			result.Created++
		case wire.RowUnchanged:
			result.Unchanged++
		case wire.RowFailed:
			result.Failed++
		}
		result.Rows = append(result.Rows, row)
		_ = lines.Encode(wire.ImportLine{ImportProgress: &wire.ImportProgress{Done: i + 1, Total: result.Total}})
	}
	_ = lines.Encode(wire.ImportLine{Result: &result})
}

func (s *Server) importRow(number int, name string, apply bool) wire.ImportRow {
	row := wire.ImportRow{Row: number, Name: name, Action: wire.RowCreated}
	switch at := slices.IndexFunc(s.customers, func(c wire.Customer) bool { return c.Name == name }); {
	case name == "":
		row.Action = wire.RowFailed
		row.Errors = []wire.ImportError{{Column: "name", Message: "a new customer needs a name"}}
	case at >= 0:
		row.Action, row.CustomerID = wire.RowUnchanged, s.customers[at].ID
	case apply:
		row.CustomerID = s.insert(wire.Customer{Name: name}).ID
	}
	return row
}

func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	list, ok := s.matching(w, r)
	if !ok {
		return
	}
	if r.FormValue("format") == "xlsx" {
		w.Header().Set("Content-Type", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
		fmt.Fprintf(w, "PK, %d customers", len(list))
		return
	}
	w.Header().Set("Content-Type", "text/csv")
	out := csv.NewWriter(w)
	_ = out.Write([]string{"id", "name"})
	for _, c := range list {
		_ = out.Write([]string{c.ID.String(), c.Name})
	}
	out.Flush()
}

func (s *Server) capabilities(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, wire.Values[wire.OwnCapability]{Values: []wire.OwnCapability{
		{Capability: wire.Capability{Name: "iam", Active: true}, DisplayName: "Identity and access", Assignable: true},
		{Capability: wire.Capability{Name: "msp", Active: true, Terms: &wire.MSPTerms{MaxDepth: 1}}, DisplayName: "Customers"},
	}})
}

func (s *Server) tags(w http.ResponseWriter, _ *http.Request) {
	counts := map[string]int64{}
	for _, c := range s.customers {
		for _, tag := range c.Tags {
			counts[tag]++
		}
	}
	list := []wire.TagCount{}
	for tag, n := range counts {
		list = append(list, wire.TagCount{Tag: tag, Customers: n})
	}
	slices.SortFunc(list, func(a, b wire.TagCount) int { return strings.Compare(a.Tag, b.Tag) })
	reply(w, http.StatusOK, wire.Values[wire.TagCount]{Values: list})
}

func (s *Server) listTokens(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, wire.Values[wire.RefreshToken]{Values: orEmpty(s.tokens)})
}

func (s *Server) createToken(w http.ResponseWriter, r *http.Request) {
	var in wire.CreateToken
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		Refuse(w, http.StatusBadRequest, "bad_request", err.Error())
		return
	}
	id := ref.TokenID(fmt.Sprintf("t%d", len(s.tokens)+1))
	made := wire.RefreshToken{ID: id, Name: in.Name, CreatedAt: Now, ExpiresAt: Now.AddDate(0, 0, 365)}
	s.tokens = append(s.tokens, made)
	reply(w, http.StatusCreated, wire.NewToken{ID: id, Token: "secret-" + string(id), CreatedAt: made.CreatedAt, ExpiresAt: made.ExpiresAt})
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) {
	before := len(s.tokens)
	s.tokens = slices.DeleteFunc(s.tokens, func(t wire.RefreshToken) bool { return string(t.ID) == r.PathValue("token") })
	if len(s.tokens) == before {
		Refuse(w, http.StatusNotFound, "not_found", "token "+r.PathValue("token")+" does not exist")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
