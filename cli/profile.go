package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/goccy/go-yaml"

	"espalier.dev/ref"
)

// profile is how a server is reached: one entry of the profiles file.
type profile struct {
	URL          string    `yaml:"url"`
	Org          ref.OrgID `yaml:"org,omitempty"` // where verbs work unless --org says otherwise; 0 for none
	RefreshToken string    `yaml:"refreshToken"`
}

// profiles is the profiles file: ~/.config/espalier/profiles.yaml, or below XDG_CONFIG_HOME. It holds secrets, so it is
// readable by its owner only.
type profiles struct {
	path string
	list map[string]profile
}

// loadProfiles reads the profiles file; a file that does not exist holds none.
func loadProfiles(sh *Shell) (*profiles, error) {
	folder := sh.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(folder) { // relative ones are to be ignored, says the XDG base directory specification
		home := sh.Getenv("HOME")
		if home == "" {
			return nil, errors.New("profiles: neither HOME nor XDG_CONFIG_HOME is set; use --url and --token-file")
		}
		folder = filepath.Join(home, ".config")
	}
	p := &profiles{path: filepath.Join(folder, "espalier", "profiles.yaml"), list: map[string]profile{}}
	info, err := os.Stat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("profiles: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("profiles: others may read %s, which holds refresh tokens; run: chmod 600 %s", p.path, p.path)
	}
	return p, p.read()
}

func (p *profiles) read() error {
	text, err := os.ReadFile(p.path)
	if err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	// The parser's own message would show the line, and with it the token.
	if err := yaml.UnmarshalWithOptions(text, &p.list, yaml.Strict()); err != nil {
		return fmt.Errorf("profiles: %s is not a list of profiles with url, org and refreshToken; repair it, or remove it and run espalier login", p.path)
	}
	return nil
}

// save replaces the profiles file in one step, so that an interrupted login loses no other profile.
func (p *profiles) save() error {
	text, err := yaml.Marshal(p.list)
	if err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	folder := filepath.Dir(p.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	f, err := os.CreateTemp(folder, ".profiles-*") // mode 0600
	if err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	defer os.Remove(f.Name()) // gone after the rename
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	if err := os.Rename(f.Name(), p.path); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	return nil
}
