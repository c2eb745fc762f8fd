package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"espalier.dev/egress"
	"espalier.dev/policylang"
	"espalier.dev/policylang/eval"
	"espalier.dev/policylang/replay"
	"espalier.dev/policylang/resolve"
	"espalier.dev/policylang/script"
	"espalier.dev/policylang/script/child"
	"espalier.dev/policylang/sign"
	"espalier.dev/policylang/source"
	"espalier.dev/policylang/value"
	"espalier.dev/runner"
)

// publicHosts is what the words for servers stand for without a server: the vendor's public ones.
var publicHosts = map[string]string{
	"rs_optima_host": "api.optima.flexeraeng.com", "rs_governance_host": "governance-3.rightscale.com", "f1_app_host": "app.flexera.com",
	"rs_cm_host": "us-3.rightscale.com", "rs_ss_host": "selfservice-3.rightscale.com",
}

// templateFile is a template as an argument.
type templateFile struct {
	File string `arg:"" help:"Template, or - for the input."`
}

// clock is the flag for the time that a template believes it is.
type clock struct {
	Now string `key:"-" placeholder:"TIME" help:"Time that the template believes it is, as 2027-02-28T12:00:00Z; it runs on from there."`
}

// trial is the flags of the verbs that try a template without a server.
type trial struct {
	templateFile
	Param       []string       `key:"-" sep:"none" placeholder:"NAME=VALUE" help:"A parameter; lists and numbers as JSON, or a list with commas. May be repeated."`
	Credential  []string       `key:"-" sep:"none" placeholder:"NAME=FILE" help:"File, YAML or JSON, for credentials of the template: scheme, and the members that the scheme has in the API. May be repeated."`
	EgressMap   string         `placeholder:"FILE" help:"YAML map host: base URL that sends requests for a host elsewhere, *.suffix for many hosts."`
	EgressAllow []netip.Prefix `placeholder:"NET,…" help:"Private networks that the template may nevertheless reach, e.g. 10.1.0.0/16."`
	OrgID       int64          `name:"org" key:"-" default:"1" placeholder:"ID" help:"Organization that the template believes to run in."`
	ProjectID   int64          `name:"project" key:"-" default:"1" placeholder:"ID" help:"Project that it believes to run in."`
	clock
	Host      []string `key:"-" sep:"none" placeholder:"WORD=HOST" help:"What a word for a server stands for, as rs_optima_host=api.example.com. May be repeated."`
	LogDetail string   `key:"-" enum:"full,context,error" default:"context" placeholder:"HOW" help:"How much the log says: full, with bodies and values; context; error."`
	Record    string   `key:"-" xor:"world" placeholder:"DIR" help:"Write what was asked and answered into an empty folder, without signatures."`
	Replay    string   `key:"-" xor:"world" placeholder:"DIR" help:"Answer from such a folder instead of the network."`
	jsonOutput
}

// attempt is a template with all that it needs to run.
type attempt struct {
	name    string
	program *eval.Program
	host    eval.Host
	input   eval.Input
	close   func()
}

// prepare reads the template and the flags, and says everything that is wrong with them at once.
func (v *trial) prepare(sh *Shell) (a *attempt, err error) {
	name, program, err := v.template(sh)
	if err != nil {
		return nil, err
	}
	a = &attempt{name: name, program: program, close: func() {}}
	var problems []error
	keep := func(err error) { problems = append(problems, err) }
	a.input, err = v.input(program)
	keep(err)
	shift, err := v.shift(time.Now())
	keep(err)
	credentials, err := v.credentials(program)
	keep(err)
	cfg, err := readEgress(v.EgressMap, v.EgressAllow)
	keep(err)
	if err := errors.Join(problems...); err != nil {
		return nil, usageOf(err)
	}
	engine, err := child.New(child.Config{})
	if err != nil {
		return nil, err
	}
	a.close = func() { _ = engine.Close() } // the process ends with it
	if v.Replay != "" {
		a.host, err = v.replayed(engine, sh.Err)
	} else {
		a.host, err = v.real(engine, cfg, credentials, shift, sh.Err)
	}
	if err == nil && v.Record != "" {
		if a.host, err = replay.NewRecorder(a.host, v.Record); err != nil {
			err = usageOf(fmt.Errorf("--record: %w", err))
		}
	}
	if err != nil {
		a.close()
		return nil, err
	}
	return a, nil
}

// template reads and compiles the template, and prints what is wrong with it.
func (v *templateFile) template(sh *Shell) (name string, program *eval.Program, err error) {
	name = v.File
	var text []byte
	if v.File == "-" {
		name = standardInput
		text, err = io.ReadAll(sh.In)
	} else {
		text, err = os.ReadFile(v.File)
	}
	if err != nil {
		return name, nil, usageOf(err)
	}
	program, found, err := policylang.Compile(name, text)
	for _, d := range found {
		if d.Severity == source.Error {
			if err := source.Write(sh.Err, d); err != nil {
				return name, nil, err
			}
		}
	}
	if err == nil && program == nil {
		fmt.Fprintf(sh.Err, "%s: %s\n", name, plural(source.Errors(found), "error"))
		err = errNo
	}
	return name, program, err
}

// input reads what the template is told.
func (v *trial) input(program *eval.Program) (eval.Input, error) {
	in := eval.Input{Options: map[string]value.Value{}, Level: map[string]eval.Level{"full": eval.Full, "context": eval.Context, "error": eval.Errors}[v.LogDetail]}
	in.Words = eval.Words{OrgID: v.OrgID, OrgName: fmt.Sprintf("Organization %d", v.OrgID), ProjectID: v.ProjectID, ProjectName: fmt.Sprintf("Project %d", v.ProjectID)}
	var problems []error
	parameters := program.Parameters()
	for _, pair := range v.Param {
		name, text, ok := strings.Cut(pair, "=")
		i := slices.IndexFunc(parameters, func(p eval.Parameter) bool { return p.Name == name })
		switch {
		case !ok:
			problems = append(problems, fmt.Errorf("--param %s: want NAME=VALUE", pair))
		case i < 0:
			in.Options[name] = text // Bind says that there is none, and which was meant
		default:
			x, err := parameters[i].Parse(text)
			if err != nil {
				problems = append(problems, fmt.Errorf("--param %w", err))
				x = parameters[i].Default // so that Bind has nothing to say about it besides
			}
			in.Options[name] = x
		}
	}
	if _, err := program.Bind(in.Options); err != nil {
		problems = append(problems, err)
	}
	var err error
	if in.Words.Hosts, err = v.hosts(); err != nil {
		problems = append(problems, err)
	}
	return in, errors.Join(problems...)
}

func (v *trial) hosts() (map[string]string, error) {
	hosts := map[string]string{}
	var words []string
	for word, host := range publicHosts {
		hosts[word], words = host, append(words, word)
	}
	slices.Sort(words)
	var problems []error
	for _, pair := range v.Host {
		word, host, _ := strings.Cut(pair, "=")
		switch {
		case !slices.Contains(words, word):
			problems = append(problems, fmt.Errorf("--host %s: want WORD=HOST, with one of the words %s", pair, strings.Join(words, ", ")))
		case host == "" || strings.ContainsAny(host, "/ "):
			problems = append(problems, fmt.Errorf("--host %s: %q is no host: leave scheme and path out, as in rs_optima_host=api.example.com", pair, host))
		}
		hosts[word] = host
	}
	return hosts, errors.Join(problems...)
}

// shift is how far the template's clock is from the true one.
func (v *clock) shift(now time.Time) (time.Duration, error) {
	if v.Now == "" {
		return 0, nil
	}
	at, err := time.Parse(time.RFC3339, v.Now)
	if err != nil {
		return 0, fmt.Errorf("--now %s: want a time like 2027-02-28T12:00:00Z", v.Now)
	}
	return at.Sub(now), nil
}

// credentials reads the files for credentials that the template names.
func (v *trial) credentials(program *eval.Program) (map[string]sign.Credential, error) {
	found := map[string]sign.Credential{}
	var problems []error
	for _, pair := range v.Credential {
		name, path, ok := strings.Cut(pair, "=")
		if !ok {
			problems = append(problems, fmt.Errorf("--credential %s: want NAME=FILE", pair))
			continue
		}
		if err := knownName(program, resolve.Credentials, "credentials", name); err != nil {
			problems = append(problems, fmt.Errorf("--credential %s: %w", pair, err))
			continue
		}
		cred, err := readCredential(path)
		if err != nil {
			problems = append(problems, fmt.Errorf("--credential %s: %w", pair, err))
		}
		found[name] = cred
	}
	return found, errors.Join(problems...)
}

// readCredential reads a file whose member scheme says what the others are. No error shows what is in it.
func readCredential(path string) (sign.Credential, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	if err := yaml.Unmarshal(text, &members); err != nil {
		return nil, errors.New("the file is no YAML or JSON object")
	}
	word, _ := members["scheme"].(string)
	scheme, err := sign.ParseScheme(word)
	if err != nil {
		return nil, fmt.Errorf("its member scheme: %w", err)
	}
	return sign.Parse(scheme, members)
}

// real is the host that goes out.
func (v *trial) real(engine script.Engine, cfg egress.Config, credentials map[string]sign.Credential, shift time.Duration, log io.Writer) (eval.Host, error) {
	guard, err := egress.New(cfg)
	if err != nil {
		return nil, usageOf(err)
	}
	return runner.NewHost(runner.Config{
		Transport: guard, Engine: engine,
		OwnConnection: func() (http.RoundTripper, func()) {
			own := guard.Single()
			return own, own.Close
		},
		Credential: func(_ context.Context, name string) (sign.Credential, error) {
			if c := credentials[name]; c != nil {
				return c, nil
			}
			return nil, fmt.Errorf("none was given: add --credential %s=FILE", name)
		},
		Now: func() time.Time { return time.Now().Add(shift) },
		Log: func(text string) { fmt.Fprint(log, printable(text, true)) },
	})
}

// replayed is the host that answers from a folder.
func (v *trial) replayed(engine script.Engine, log io.Writer) (eval.Host, error) {
	world, err := replay.Load(os.DirFS(v.Replay))
	if err != nil {
		return nil, usageOf(fmt.Errorf("--replay %s: %w", v.Replay, err))
	}
	return loud{replay.NewHost(world, engine), log}, nil
}

// loud is a recorded world whose log is heard while it is written.
type loud struct {
	*replay.Host
	to io.Writer
}

// Log hands a piece on.
func (l loud) Log(text string) { fmt.Fprint(l.to, printable(text, true)) }
