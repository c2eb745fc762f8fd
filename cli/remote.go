package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"espalier.dev/client"
	"espalier.dev/ref"
)

// remote is the flags of every verb that works in an organization over a server.
type remote struct {
	server
	Org ref.OrgID `placeholder:"ID" help:"Organization to work in, instead of the profile's."`
}

// server is the flags of every verb that calls a server: a profile, or address and token without one.
type server struct {
	Profile   string `default:"default" placeholder:"NAME" help:"Profile, as made by 'espalier login'."`
	URL       string `name:"url" placeholder:"URL" help:"Server to call, instead of the profile's; needs --token-file."`
	TokenFile string `placeholder:"FILE" help:"File with the refresh token, instead of the profile's."`
}

// dial returns a client, and the organization to work in.
func (r *remote) dial(sh *Shell) (*client.Client, ref.OrgID, error) {
	p, err := r.profile(sh)
	if err != nil {
		return nil, 0, err
	}
	if r.Org != 0 {
		p.Org = r.Org
	}
	if p.Org == 0 {
		return nil, 0, usageOf(errors.New("no organization: name one by --org, or keep one by espalier login --org"))
	}
	c, err := newClient(p.URL, p.RefreshToken)
	return c, p.Org, err
}

// dialTo is dial, and finds what the verb is about.
func dialTo[T any](ctx context.Context, sh *Shell, r *remote, find func(context.Context, *client.Client, ref.OrgID) (T, error)) (c *client.Client, org ref.OrgID, found T, err error) {
	if c, org, err = r.dial(sh); err == nil {
		found, err = find(ctx, c, org)
	}
	return c, org, found, err
}

// profile returns the stored profile with what the flags say instead.
func (r *server) profile(sh *Shell) (profile, error) {
	var p profile
	if r.URL == "" {
		stored, err := loadProfiles(sh)
		if err != nil {
			return p, err
		}
		var ok bool
		if p, ok = stored.list[r.Profile]; !ok {
			return p, notSignedIn(r.Profile)
		}
	}
	if r.URL != "" {
		p.URL = r.URL
	}
	if r.TokenFile != "" {
		token, err := readTokenFile(r.TokenFile)
		if err != nil {
			return p, err
		}
		p.RefreshToken = token
	}
	if p.RefreshToken == "" {
		return p, usageOf(errors.New("--url needs --token-file: a profile's token is sent to no other server"))
	}
	return p, nil
}

func newClient(url, token string) (*client.Client, error) {
	c, err := client.New(client.Config{URL: url, RefreshToken: token, UserAgent: "espalier/" + BuildVersion().Version})
	if err != nil {
		return nil, usageOf(err)
	}
	return c, nil
}

// readTokenFile reads a refresh token and the line break behind it.
func readTokenFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", usageOf(fmt.Errorf("refresh token: %w", err))
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return "", usageOf(fmt.Errorf("refresh token: %s should hold one word and nothing else", path))
	}
	return token, nil
}
