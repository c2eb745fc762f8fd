package script

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/robertkrimen/otto/underscore"
	"modernc.org/quickjs"
)

//go:embed prelude.js
var preludeSource string

// farLines puts our own code so many lines down that no script reaches them: the engine names all code <eval>, and the
// line is what tells it from the script's.
const farLines = 1 << 20

// Compiled code depends on the engine alone and is made once, by whoever needs it first.
var (
	prelude = sync.OnceValues(func() ([]byte, error) { return compileOwn(preludeSource) })
	library = sync.OnceValues(func() ([]byte, error) {
		// The library takes what it is for a module system from names around it; here they are its own.
		return compileOwn("espalier_library = (function (globalThis, exports, module, define) {" + underscore.Source() +
			"\nreturn globalThis._\n})({})")
	})
)

func compileOwn(source string) ([]byte, error) {
	vm, err := quickjs.NewVM()
	if err != nil {
		return nil, fmt.Errorf("start the script engine: %w", err)
	}
	code, err := vm.Compile(strings.Repeat("\n", farLines)+source, quickjs.EvalGlobal)
	return code, errors.Join(err, vm.Close())
}

// world is one fresh engine with the prelude in it.
type world struct {
	vm   *quickjs.VM
	logs journal
	bind quickjs.Value // function (name, json, hasNulls)
	give quickjs.Value // function (value) -> JSON, its keys as they come
}

// newWorld starts an engine within the limits. The clock of its scripts starts at now.
func newWorld(l Limits, now time.Time) (*world, error) {
	code, err := prelude()
	if err != nil {
		return nil, err
	}
	vm, err := quickjs.NewVM()
	if err != nil {
		return nil, fmt.Errorf("start the script engine: %w", err)
	}
	w := &world{vm: vm}
	vm.SetMemoryLimit(uintptr(l.Memory))
	vm.SetMaxStackSize(uintptr(l.Stack))
	// Counting references frees nearly everything at once. A search for cycles is worth its time only when memory runs low.
	vm.SetGCThreshold(uintptr(l.Memory / 2))
	if err := w.furnish(code, now); err != nil {
		w.close()
		return nil, fmt.Errorf("prepare the script's world: %w", err)
	}
	return w, nil
}

// hashes is what hashHmac knows, a function that the reference does not have and two published templates call.
var hashes = map[string]func() hash.Hash{"sha256": sha256.New, "sha512": sha512.New, "sha1": sha1.New, "md5": md5.New}

func (w *world) furnish(code []byte, now time.Time) error {
	for name, f := range map[string]quickjs.HostFunc{
		"sort": func(args []any) (any, error) { return string(sortKeys([]byte(argument(args, 0)))), nil },
		"log":  w.logs.add,
		"atob": func(args []any) (any, error) {
			text, err := base64.StdEncoding.DecodeString(argument(args, 0))
			if err != nil {
				return nil, nil // the prelude throws
			}
			return string(text), nil
		},
		"btoa": func(args []any) (any, error) {
			return base64.StdEncoding.EncodeToString([]byte(argument(args, 0))), nil
		},
		"hmac": func(args []any) (any, error) {
			algorithm := hashes[strings.ToLower(argument(args, 0))]
			if algorithm == nil {
				return nil, nil // the prelude throws
			}
			sum := hmac.New(algorithm, []byte(argument(args, 2)))
			sum.Write([]byte(argument(args, 1)))
			return hex.EncodeToString(sum.Sum(nil)), nil
		},
		"underscore": func([]any) (any, error) {
			code, err := library()
			if err != nil {
				return nil, err
			}
			_, err = w.vm.EvalBytecode(code)
			return nil, err
		},
	} {
		if err := w.vm.RegisterHostFunc("espalier_"+name, f); err != nil {
			return err
		}
	}
	enter, err := w.vm.EvalBytecodeValue(code)
	if err != nil {
		return err
	}
	defer enter.Free()
	tools, err := enter.CallValue(quickjs.UndefinedValue, float64(now.UnixMilli()))
	if err != nil {
		return err
	}
	defer tools.Free()
	if w.bind, err = w.member(tools, "bind"); err != nil {
		return err
	}
	w.give, err = w.member(tools, "result")
	return err
}

func (w *world) member(object quickjs.Value, name string) (quickjs.Value, error) {
	atom, err := w.vm.NewAtom(name)
	if err != nil {
		return quickjs.Value{}, err
	}
	return object.GetPropertyValue(atom)
}

func (w *world) close() {
	w.bind.Free()
	w.give.Free()
	w.vm.Close()
}

func argument(args []any, i int) string {
	if i < len(args) {
		if s, ok := args[i].(string); ok {
			return s
		}
	}
	return ""
}

// The most that is kept of one entry of the log, and of all of them, in bytes.
const (
	entryLimit   = 10 << 10
	journalLimit = 1 << 20
)

// journal collects what scripts log.
type journal struct {
	entries []string
	size    int
}

// add is the host's side of console: the kind, whether all arguments are primitive, and a list of their texts as JSON.
func (j *journal) add(args []any) (any, error) {
	if j.size > journalLimit {
		return nil, nil
	}
	var texts []string
	if err := json.Unmarshal([]byte(argument(args, 2)), &texts); err != nil {
		return nil, err
	}
	head, gap := "console."+argument(args, 0)+":", " "
	if plain, _ := args[1].(bool); !plain {
		head, gap = head+" >", "\n  "
	}
	entry := cut(gap + strings.Join(texts, gap))
	j.size += len(entry)
	if j.size > journalLimit {
		entry += fmt.Sprintf("\nmore than %d KiB were logged: the rest is left out", journalLimit>>10)
	}
	j.entries = append(j.entries, head+entry)
	return nil, nil
}

// cut keeps the start of a text that is too long.
func cut(text string) string {
	if len(text) <= entryLimit {
		return text
	}
	return strings.ToValidUTF8(text[:entryLimit], "") + fmt.Sprintf(" ... %d bytes omitted", len(text)-entryLimit)
}
