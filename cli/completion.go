package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// completionScripts connect a shell to 'espalier __complete WORD...', whose last word is the one being typed. The shell
// completes file names itself where nothing is printed.
var completionScripts = map[string]string{
	"bash": `# eval "$(espalier completion bash)", or put this into a file of bash-completion's folder.
_espalier() {
	local IFS=$'\n'
	COMPREPLY=($("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _espalier espalier
`,
	"zsh": `#compdef espalier
# eval "$(espalier completion zsh)" after compinit, or put this into a file _espalier in a folder of $fpath.
_espalier() {
	local -a found
	found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "${found[*]}" ]]; then
		compadd -- "${found[@]}"
	else
		_files
	fi
}
if [[ "${funcstack[1]}" == _espalier ]]; then
	_espalier "$@"
else
	compdef _espalier espalier
fi
`,
	"fish": `# espalier completion fish | source, or put this into ~/.config/fish/completions/espalier.fish.
function __espalier_complete
	set -l words (commandline -opc)
	set -l found ($words[1] __complete $words[2..] (commandline -ct) 2>/dev/null)
	if test (count $found) -gt 0
		printf '%s\n' $found
	else
		__fish_complete_path (commandline -ct)
	end
end
complete -c espalier -f -a '(__espalier_complete)'
`,
}

type completionVerb struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script.
func (v *completionVerb) Run(_ context.Context, sh *Shell) error {
	_, err := fmt.Fprint(sh.Out, completionScripts[v.Shell])
	return err
}

// completeVerb answers a completion script.
type completeVerb struct {
	Words []string `arg:"" optional:""`
}

// Run prints what the last word may become, one a line.
func (v *completeVerb) Run(_ context.Context, sh *Shell, parser *kong.Kong) error {
	words := v.Words
	if len(words) == 0 {
		words = []string{""}
	}
	for _, word := range complete(parser.Model.Node, words) {
		fmt.Fprintln(sh.Out, word)
	}
	return nil
}

// complete returns what the last of words may become: verbs below the one that the words before it name, its flags when
// a dash is typed, the values of a flag or an argument that has a closed set.
func complete(node *kong.Node, words []string) []string {
	last := len(words) - 1
	flags := slices.Clone(node.Flags)
	var waiting *kong.Value // flag whose value comes next
	position := 0           // arguments so far
	for _, word := range words[:last] {
		switch child := childNamed(node, word); {
		case waiting != nil && word == "=": // bash parts --format=csv into three words
		case waiting != nil:
			waiting = nil
		case strings.HasPrefix(word, "-"):
			waiting = valueWanted(flags, word)
		case child != nil:
			node, position = child, 0
			flags = append(flags, node.Flags...)
		default:
			position++
		}
	}
	return candidates(node, flags, waiting, position, words[last])
}

// candidates lists what may stand where typed is.
func candidates(node *kong.Node, flags []*kong.Flag, waiting *kong.Value, position int, typed string) []string {
	var found []string
	name, _, joined := strings.Cut(typed, "=")
	switch {
	case waiting != nil && typed == "=":
		return closedSet(waiting)
	case waiting != nil:
		found = closedSet(waiting)
	case strings.HasPrefix(typed, "-") && joined:
		for _, value := range closedSet(valueWanted(flags, name)) {
			found = append(found, name+"="+value)
		}
	case strings.HasPrefix(typed, "-"):
		found = flagNames(flags)
	default:
		found = verbNames(node)
		if position < len(node.Positional) {
			found = append(found, closedSet(node.Positional[position])...)
		}
	}
	found = slices.DeleteFunc(found, func(s string) bool { return !strings.HasPrefix(s, typed) })
	slices.Sort(found)
	return found
}

func verbNames(node *kong.Node) []string {
	var names []string
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	return names
}

func childNamed(node *kong.Node, name string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == name && !child.Hidden {
			return child
		}
	}
	return nil
}

// valueWanted returns the flag that word is, if its value is the next word.
func valueWanted(flags []*kong.Flag, word string) *kong.Value {
	for _, flag := range flags {
		if word == "--"+flag.Name || flag.Short != 0 && word == "-"+string(flag.Short) {
			if flag.IsBool() || flag.IsCounter() {
				return nil
			}
			return flag.Value
		}
	}
	return nil
}

func closedSet(v *kong.Value) []string {
	if v == nil || v.Enum == "" {
		return nil
	}
	return v.EnumSlice()
}

func flagNames(flags []*kong.Flag) []string {
	var names []string
	for _, flag := range flags {
		if !flag.Hidden {
			names = append(names, "--"+flag.Name)
		}
	}
	return names
}
