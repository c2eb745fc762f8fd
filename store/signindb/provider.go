package signindb

import (
	"context"
	"encoding/json"
	"fmt"

	"espalier.dev/errs"
	"espalier.dev/filter"
	"espalier.dev/ref"
	"espalier.dev/signin"
	"espalier.dev/store/sqldb"
)

const providerColumns = `id, org_id, protocol, name, hint, issuer, jit, group_sync, settings_json, COALESCE(secret_sealed, ''), created_at, updated_at`

func scanProvider(scan func(...any) error) (signin.Provider, error) {
	var p signin.Provider
	var jit, created, updated int64
	var settings string
	err := scan(&p.ID, &p.Org, &p.Protocol, &p.Name, &p.Hint, &p.Issuer, &jit, &p.GroupSync, &settings, &p.Secret, &created, &updated)
	if err != nil {
		return signin.Provider{}, err
	}
	p.JIT, p.CreatedAt, p.UpdatedAt = jit == 1, sqldb.Time(created), sqldb.Time(updated)
	if err := json.Unmarshal([]byte(settings), settingsOf(&p)); err != nil {
		return signin.Provider{}, fmt.Errorf("identity provider %s: %w", p.ID, err)
	}
	return p, nil
}

// settingsOf is where the settings of the provider's protocol are.
func settingsOf(p *signin.Provider) any {
	if p.Protocol == signin.ProtocolSAML {
		return &p.SAML
	}
	return &p.Upstream
}

// IdentityProviders lists those of an organization, oldest first.
func (t SignIn) IdentityProviders(ctx context.Context, org ref.OrgID) ([]signin.Provider, error) {
	var list []signin.Provider
	err := t.tx.Rows(ctx, `SELECT `+providerColumns+` FROM identity_provider WHERE org_id = $1 ORDER BY created_at, id`, []any{org},
		func(scan func(...any) error) error {
			p, err := scanProvider(scan)
			list = append(list, p)
			return err
		})
	return list, err
}

// IdentityProvider reads one of an organization, or for 0 of any.
func (t SignIn) IdentityProvider(ctx context.Context, org ref.OrgID, id ref.ProviderID) (signin.Provider, error) {
	return scanProvider(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+providerColumns+` FROM identity_provider WHERE id = $1 AND (CAST($2 AS BIGINT) = 0 OR org_id = $2)`,
			[]any{string(id), org}, dest...)
	})
}

// IdentityProviderByHint finds one by its hint, compared case-folded.
func (t SignIn) IdentityProviderByHint(ctx context.Context, hint string) (signin.Provider, error) {
	return scanProvider(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+providerColumns+` FROM identity_provider WHERE hint_folded = $1`, []any{filter.Fold(hint)}, dest...)
	})
}

// orNull is NULL for what is empty.
func orNull[T comparable](v T) any {
	var none T
	if v == none {
		return nil
	}
	return v
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// row is the columns that an update writes, in their order.
func row(p signin.Provider) ([]any, error) {
	settings, err := json.Marshal(settingsOf(&p))
	return []any{string(p.ID), p.Name, filter.Fold(p.Name), p.Hint, orNull(filter.Fold(p.Hint)), p.Issuer, flag(p.JIT), string(p.GroupSync),
		string(settings), orNull(p.Secret), sqldb.Micros(p.UpdatedAt)}, err
}

// InsertIdentityProvider writes one; errs.Conflict if its name or its hint is taken.
func (t SignIn) InsertIdentityProvider(ctx context.Context, p signin.Provider) error {
	args, err := row(p)
	if err != nil {
		return err
	}
	_, err = t.tx.Exec(ctx, `
		INSERT INTO identity_provider (id, name, name_folded, hint, hint_folded, issuer, jit, group_sync, settings_json, secret_sealed, updated_at, org_id, protocol, created_at)
		VALUES ($1, $2, $3, $4, CAST($5 AS TEXT), $6, $7, $8, $9, CAST($10 AS TEXT), $11, $12, $13, $14)`,
		append(args, p.Org, string(p.Protocol), sqldb.Micros(p.CreatedAt))...)
	return err
}

// UpdateIdentityProvider writes what may change; errs.Conflict if its name or its hint is taken.
func (t SignIn) UpdateIdentityProvider(ctx context.Context, p signin.Provider) error {
	args, err := row(p)
	if err != nil {
		return err
	}
	return t.tx.Exec1(ctx, `
		UPDATE identity_provider SET name = $2, name_folded = $3, hint = $4, hint_folded = CAST($5 AS TEXT), issuer = $6, jit = $7, group_sync = $8,
			settings_json = $9, secret_sealed = CAST($10 AS TEXT), updated_at = $11
		WHERE id = $1`, args...)
}

// DeleteIdentityProvider removes one with its domains and keys.
func (t SignIn) DeleteIdentityProvider(ctx context.Context, id ref.ProviderID) error {
	return t.tx.Exec1(ctx, `DELETE FROM identity_provider WHERE id = $1`, string(id))
}

const keyColumns = `id, provider_id, private_sealed, certificate, created_at, expires_at`

func scanKey(scan func(...any) error) (signin.SigningKey, error) {
	var k signin.SigningKey
	var created, expires int64
	err := scan(&k.ID, &k.Provider, &k.Sealed, &k.Certificate, &created, &expires)
	k.CreatedAt, k.ExpiresAt = sqldb.Time(created), sqldb.Time(expires)
	return k, err
}

// ProviderKeys lists those of a provider, oldest first.
func (t SignIn) ProviderKeys(ctx context.Context, of ref.ProviderID) ([]signin.SigningKey, error) {
	var list []signin.SigningKey
	err := t.tx.Rows(ctx, `SELECT `+keyColumns+` FROM provider_key WHERE provider_id = $1 ORDER BY created_at, id`, []any{string(of)},
		func(scan func(...any) error) error {
			k, err := scanKey(scan)
			list = append(list, k)
			return err
		})
	return list, err
}

// ProviderKey reads one of a provider.
func (t SignIn) ProviderKey(ctx context.Context, of ref.ProviderID, id ref.SigningKeyID) (signin.SigningKey, error) {
	return scanKey(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+keyColumns+` FROM provider_key WHERE id = $1 AND provider_id = $2`, []any{string(id), string(of)}, dest...)
	})
}

// InsertProviderKey writes one.
func (t SignIn) InsertProviderKey(ctx context.Context, k signin.SigningKey) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO provider_key (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		string(k.ID), string(k.Provider), k.Sealed, k.Certificate, sqldb.Micros(k.CreatedAt), sqldb.Micros(k.ExpiresAt))
	return err
}

const domainColumns = `org_id, name, provider_id, code, created_at, verified_at, COALESCE(via_org_id, 0)`

func scanDomain(scan func(...any) error) (signin.Domain, error) {
	var d signin.Domain
	var created int64
	var verified sqldb.NullTime
	err := scan(&d.Org, &d.Name, &d.Provider, &d.Code, &created, &verified, &d.Via)
	d.CreatedAt, d.VerifiedAt = sqldb.Time(created), verified.Time
	return d, err
}

// Domains lists those of an organization by name, or with a provider those of one.
func (t SignIn) Domains(ctx context.Context, org ref.OrgID, of ref.ProviderID) ([]signin.Domain, error) {
	var list []signin.Domain
	err := t.tx.Rows(ctx, `SELECT `+domainColumns+` FROM provider_domain WHERE org_id = $1 AND (CAST($2 AS TEXT) = '' OR provider_id = $2) ORDER BY name`,
		[]any{org, string(of)}, func(scan func(...any) error) error {
			d, err := scanDomain(scan)
			list = append(list, d)
			return err
		})
	return list, err
}

// OrgDomain reads the one of an organization by its name.
func (t SignIn) OrgDomain(ctx context.Context, org ref.OrgID, name string) (signin.Domain, error) {
	return scanDomain(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+domainColumns+` FROM provider_domain WHERE org_id = $1 AND name = $2`, []any{org, name}, dest...)
	})
}

// HomeDomain reads the one that an organization has shown in the DNS.
func (t SignIn) HomeDomain(ctx context.Context, name string) (signin.Domain, error) {
	return scanDomain(func(dest ...any) error {
		return t.tx.Row(ctx, `SELECT `+domainColumns+` FROM provider_domain WHERE name = $1 AND verified_at IS NOT NULL AND via_org_id IS NULL`, []any{name}, dest...)
	})
}

// InsertDomain writes one that is not verified yet.
func (t SignIn) InsertDomain(ctx context.Context, d signin.Domain) error {
	_, err := t.tx.Exec(ctx, `INSERT INTO provider_domain (org_id, name, provider_id, code, created_at) VALUES ($1, $2, $3, $4, $5)`,
		d.Org, d.Name, string(d.Provider), d.Code, sqldb.Micros(d.CreatedAt))
	return err
}

// VerifyDomain writes when and by whose word a domain was verified; errs.Conflict if another organization was first, or who
// vouches for it has it no more.
func (t SignIn) VerifyDomain(ctx context.Context, d signin.Domain) error {
	err := t.tx.Exec1(ctx, `UPDATE provider_domain SET verified_at = $3, via_org_id = CAST($4 AS BIGINT) WHERE org_id = $1 AND name = $2`,
		d.Org, d.Name, sqldb.Micros(d.VerifiedAt), orNull(d.Via))
	if errs.KindOf(err) == errs.Conflict {
		return errs.Conflictf("", "%s has been verified by another organization meanwhile, or given up by the one that vouches for it", d.Name)
	}
	return err
}

// DeleteDomain removes one, and those of customers that were verified on its word.
func (t SignIn) DeleteDomain(ctx context.Context, d signin.Domain) error {
	return t.tx.Exec1(ctx, `DELETE FROM provider_domain WHERE org_id = $1 AND name = $2`, d.Org, d.Name)
}

// IsCustomer reports whether an organization is a direct customer of another.
func (t SignIn) IsCustomer(ctx context.Context, parent, customer ref.OrgID) (is bool, err error) {
	err = t.tx.Row(ctx, `SELECT EXISTS (SELECT 1 FROM organization WHERE id = $1 AND parent_id = $2)`, []any{customer, parent}, &is)
	return is, err
}

// LoginPolicy reads that of an organization; the zero value with its Org if it was never set.
func (t SignIn) LoginPolicy(ctx context.Context, org ref.OrgID) (signin.LoginPolicy, error) {
	l := signin.LoginPolicy{Org: org}
	var enforce, updated int64
	err := t.tx.Row(ctx, `
		SELECT enforce_sso, COALESCE(default_provider_id, ''), COALESCE(break_glass_user_id, 0), updated_at FROM login_policy WHERE org_id = $1`,
		[]any{org}, &enforce, &l.Default, &l.BreakGlass, &updated)
	if errs.KindOf(err) == errs.NotFound {
		return l, nil
	}
	l.EnforceSSO, l.UpdatedAt = enforce == 1, sqldb.Time(updated)
	return l, err
}

// PutLoginPolicy writes that of an organization.
func (t SignIn) PutLoginPolicy(ctx context.Context, l signin.LoginPolicy) error {
	_, err := t.tx.Exec(ctx, `
		INSERT INTO login_policy (org_id, enforce_sso, default_provider_id, break_glass_user_id, updated_at)
		VALUES ($1, $2, CAST($3 AS TEXT), CAST($4 AS BIGINT), $5)
		ON CONFLICT (org_id) DO UPDATE SET enforce_sso = excluded.enforce_sso, default_provider_id = excluded.default_provider_id,
			break_glass_user_id = excluded.break_glass_user_id, updated_at = excluded.updated_at`,
		l.Org, flag(l.EnforceSSO), orNull(string(l.Default)), orNull(l.BreakGlass), sqldb.Micros(l.UpdatedAt))
	return err
}
