package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// root is the whole command line. The order of the fields is the order of the help.
type root struct {
	Help   helpFlag `short:"h" key:"-" help:"Show help and stop."`
	Config string   `placeholder:"FILE" help:"YAML file with a key for every flag; see 'espalier help configuration'."`

	Serve    serveVerb    `cmd:"" group:"operator" help:"Run the server."`
	Init     initVerb     `cmd:"" group:"operator" help:"Make the database, its keys and the first organization."`
	Org      orgVerb      `cmd:"" group:"operator" help:"Make further organizations without a parent; renew what they hold."`
	Password passwordVerb `cmd:"" group:"operator" help:"Set a user's password, or make a link by which the user does."`
	Migrate  migrateVerb  `cmd:"" group:"operator" help:"Bring the schema of the database up to date."`
	Backup   backupVerb   `cmd:"" group:"operator" help:"Write everything but the keys to a file, beside a running server."`
	Restore  restoreVerb  `cmd:"" group:"operator" help:"Read a backup into an empty database of either engine."`
	Doctor   doctorVerb   `cmd:"" group:"operator" help:"Look whether the database is whole and the audit log untouched; exit 1 if not."`

	Login        loginVerb        `cmd:"" group:"client" help:"Keep a server's address and a refresh token in a profile."`
	Customer     customerVerb     `cmd:"" group:"client" help:"List, show, change, import and export customers."`
	User         userVerb         `cmd:"" group:"client" help:"People of an organization."`
	UserGroup    userGroupVerb    `cmd:"" name:"user-group" group:"client" help:"User groups, and who is in them."`
	Role         roleVerb         `cmd:"" group:"client" help:"Roles that can be granted, and their privileges."`
	Invite       inviteVerb       `cmd:"" group:"client" help:"Invite people into an organization."`
	Account      accountVerb      `cmd:"" name:"service-account" group:"client" help:"Machine identities of an organization, and what they sign in with."`
	Audit        auditVerb        `cmd:"" group:"client" help:"Show who did what in an organization; export it."`
	Access       accessVerb       `cmd:"" group:"client" help:"Grant and revoke roles; explain who may do what, and why."`
	AccessPolicy accessPolicyVerb `cmd:"" name:"access-policy" group:"client" help:"Let user groups of the organization into customers of it."`
	IDP          idpVerb          `cmd:"" name:"idp" group:"client" help:"Identity providers, their domains, and the login policy."`
	Application  applicationVerb  `cmd:"" group:"client" help:"Register applications that sign users of the organization in."`
	Token        tokenVerb        `cmd:"" group:"client" help:"Make, list and revoke refresh tokens: one's own, or as the operator any user's."`

	Policy policyVerb `cmd:"" group:"author" help:"Check policy templates, and try them."`

	Completion completionVerb `cmd:"" group:"other" help:"Print the completion script of a shell."`
	HelpOn     helpVerb       `cmd:"" name:"help" group:"other" help:"Explain a verb or a topic: ${topics}."`
	Version    versionVerb    `cmd:"" group:"other" help:"Print the version and the revision it was built from."`
	Complete   completeVerb   `cmd:"" name:"__complete" hidden:"" passthrough:""`
}

// Verbs are shown in these groups.
var groups = []kong.Group{
	{Key: "operator", Title: "On the server's machine:"},
	{Key: "client", Title: "Over the API, with a profile:"},
	{Key: "author", Title: "For authors of policy templates, without a server:"},
	{Key: "other", Title: "Other:"},
}

// Main runs one command line and returns the exit code, one of those listed by 'espalier help exit-codes'. The first
// interrupt or termination signal asks the verb to end; a second one ends the process.
func Main(args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, args, env, stdin, stdout, stderr)
}

// Run is Main for a program that has other commands at the same time: the end of ctx is the signal.
func Run(ctx context.Context, args, env []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return run(ctx, args, newShell(env, stdin, stdout, stderr))
}

func run(ctx context.Context, args []string, sh *Shell) int {
	err := parseAndRun(ctx, args, sh)
	switch {
	case err == nil, errors.Is(err, errHelped):
		return ExitOK
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(sh.Err, "espalier: interrupted")
		return ExitInterrupted
	}
	if sentence := explain(err); sentence != "" {
		fmt.Fprintln(sh.Err, "espalier: "+printable(sentence, true))
	}
	return exitCode(err)
}

func parseAndRun(ctx context.Context, args []string, sh *Shell) error {
	parser, err := parserOf(grammar(args, sh), sh)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		if errors.Is(err, errHelped) {
			return err
		}
		return usageOf(withHint(err))
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return parsed.Run()
}

// withHint adds where to read on to an error of the command line.
func withHint(err error) error {
	parse, ok := errors.AsType[*kong.ParseError](err)
	if !ok || parse.Context == nil {
		return err
	}
	verb := "espalier"
	if node := parse.Context.Selected(); node != nil {
		verb = node.FullPath()
	}
	return fmt.Errorf("%w\nSee: %s --help", err, verb)
}

// newParser builds the model of the whole command line.
func newParser(sh *Shell) (*kong.Kong, error) { return parserOf(&root{}, sh) }

// parserOf builds the model of a grammar and ties it to the variables and the file.
func parserOf(grammar any, sh *Shell) (*kong.Kong, error) {
	s := &settings{shell: sh}
	parser, err := kong.New(grammar,
		kong.Name("espalier"),
		kong.Description("Run the organizations of an MSP's customers."),
		kong.NoDefaultHelp(),
		kong.Vars{"topics": topicNames(), "who": whoHelp},
		kong.ExplicitGroups(groups),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.ValueFormatter(describe),
		kong.Writers(sh.Out, sh.Err),
		kong.Bind(sh),
		kong.PostBuild(s.bind),
		kong.WithBeforeResolve(s.load),
		kong.Resolvers(s),
	)
	if err != nil {
		return nil, fmt.Errorf("build the command line: %w", err)
	}
	return parser, nil
}
