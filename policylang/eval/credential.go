package eval

import (
	"context"

	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/syntax"
	"espalier.dev/policylang/value"
)

// credential is a credentials or an auth block.
type credential struct {
	decl *resolve.Decl
	// account is aws_account_number of credentials, nil if it is not given.
	account syntax.Expr
	// Of an auth block:
	scheme, grant string
	fields        []authField
}

// authField is a field of an auth block: a term, several of them, or the members of objects.
type authField struct {
	name  string
	terms []syntax.Expr
}

func (c *compiler) credential(d *resolve.Decl) *credential {
	cred := &credential{decl: d}
	if d.Kind == resolve.Credentials {
		cred.account = arg(d.Block.Find("aws_account_number"))
		return cred
	}
	cred.scheme = written(d.Block.Key("type"))
	cred.fields = authFields(d.Block)
	if g := d.Block.Find("grant"); g != nil {
		cred.grant = written(g.Key("type"))
		cred.fields = append(cred.fields, authFields(g)...)
	}
	return cred
}

func authFields(s *syntax.Statement) []authField {
	var list []authField
	for _, st := range s.Statements() {
		if st.Keyword.Name == "grant" {
			continue
		}
		f := authField{name: st.Keyword.Name, terms: plain(st)}
		if st.Body != nil {
			for _, i := range st.Body.Items {
				if o, ok := i.(*syntax.ObjectItem); ok {
					f.terms = append(f.terms, o.Object)
				}
			}
		}
		list = append(list, f)
	}
	return list
}

// auth fills in what the template says about the credentials that a request names. Nil stays nil.
func (r *run) auth(ctx context.Context, a *Auth) (*Auth, *Failure) {
	if a == nil {
		return nil, nil
	}
	cred := r.credentials[a.Name]
	if cred == nil {
		return nil, failf("the request can't be signed", "auth is %q, and the template has no credentials of that name", a.Name)
	}
	s := r.scope(ctx, nil)
	var err error
	switch {
	case cred.decl.Kind == resolve.Auth:
		a.Scheme, a.Grant = cred.scheme, cred.grant
		a.Fields, err = r.authValues(s, cred)
	case cred.account != nil && !r.undeclared(cred.account):
		a.AccountNumber, err = s.text(cred.account, "aws_account_number")
	}
	if err != nil {
		return nil, because("the request can't be signed", err).in("credentials", a.Name)
	}
	return a, nil
}

// undeclared reports whether a term is a reference that leads nowhere: published templates have it in aws_account_number,
// of which nothing then comes.
func (r *run) undeclared(x syntax.Expr) bool {
	ref, ok := x.(*syntax.Reference)
	return ok && r.template.Target(ref) == nil
}

// authValues evaluates the fields of an auth block. Of several terms comes a list, and of a reference to another block its
// name.
func (r *run) authValues(s *scope, cred *credential) (*value.Map, error) {
	fields := value.New()
	for _, f := range cred.fields {
		values := make([]value.Value, len(f.terms))
		for i, x := range f.terms {
			var err error
			if values[i], err = r.authValue(s, x); err != nil {
				return nil, err
			}
		}
		switch len(values) {
		case 0:
			fields.Set(f.name, nil)
		case 1:
			fields.Set(f.name, values[0])
		default:
			fields.Set(f.name, values)
		}
	}
	return fields, nil
}

func (r *run) authValue(s *scope, x syntax.Expr) (value.Value, error) {
	if ref, ok := x.(*syntax.Reference); ok {
		if d := r.template.Target(ref); d != nil && (d.Kind == resolve.Auth || d.Kind == resolve.Credentials) {
			return d.Name, nil
		}
	}
	return s.eval(x)
}
