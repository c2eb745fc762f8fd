package espalier_test

import (
	"context"
	"net/http"
	"testing"

	"espalier.dev/access"
	"espalier.dev/api/door"
	"espalier.dev/api/iam"
	"espalier.dev/api/msp"
	"espalier.dev/api/oidc"
	"espalier.dev/api/own"
	"espalier.dev/api/scim"
)

// Mount refuses an API whose routes and operations do not match one to one; beyond that, each operation that asks who the
// caller is has its line in the one table of privileges, so that none can be served without the question what it takes.
func TestEveryOperationHasARouteAndAPrivilege(t *testing.T) {
	t.Parallel()
	d, err := door.New(door.Config{Authenticate: func(context.Context, *http.Request) (access.Caller, error) { return access.Caller{}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	for api, handlers := range map[string]map[string]door.Handler{
		msp.API: msp.Handlers(nil, nil), iam.API: iam.Handlers(iam.Config{}), oidc.API: oidc.Handlers(nil), scim.API: scim.Handlers(scim.Config{}), own.API: own.Handlers(own.Config{}),
	} {
		if err := d.Mount(api, handlers); err != nil {
			t.Error(err)
		}
	}
	for _, s := range d.Served() {
		_, has := access.PrivilegeOf(s.API.Name, s.Operation.ID)
		if has == s.Operation.NoSecurity {
			t.Errorf("%s %q: in the table of privileges %v, answers anybody %v; want one of the two", s.API.Name, s.Operation.ID, has, s.Operation.NoSecurity)
		}
	}
	if len(d.Served()) == 0 {
		t.Error("no operation is served")
	}
}
