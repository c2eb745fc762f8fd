package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version is what 'espalier version --json' prints.
type Version struct {
	Version  string `json:"version"`            // of the module; "(devel)" for a build of a work tree
	Revision string `json:"revision,omitempty"` // commit it was built from
	Time     string `json:"time,omitempty"`     // of that commit, RFC 3339
	Modified bool   `json:"modified,omitempty"` // the work tree held changes
	Go       string `json:"go"`                 // go1.26.1
	Platform string `json:"platform"`           // linux/amd64
}

// BuildVersion reads what the Go command stamped into this binary.
func BuildVersion() Version {
	v := Version{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

// String is one line for people.
func (v Version) String() string {
	line := "espalier " + v.Version
	if v.Revision != "" {
		line += " " + v.Revision
	}
	if v.Modified {
		line += " (with changes)"
	}
	return fmt.Sprintf("%s %s %s", line, v.Go, v.Platform)
}

type versionVerb struct {
	jsonOutput
}

// Run prints the version.
func (v *versionVerb) Run(_ context.Context, sh *Shell) error {
	version := BuildVersion()
	if v.JSON {
		return printJSON(sh.Out, version)
	}
	_, err := fmt.Fprintln(sh.Out, version)
	return err
}
