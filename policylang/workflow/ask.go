package workflow

import "strings"

// function runs a built-in function, of this package or of the host.
func (r *run) function(t *task, f *frame, i instr) error {
	if name, ok := strings.CutPrefix(i.s, collectVar); ok {
		return r.collected(f, name, int(i.v.(Int)))
	}
	args := f.popN(i.a)
	if b := builtins[i.s]; b.fn != nil {
		v, err := b.fn(r.env, args)
		return r.made(f, v, err)
	}
	if verb, ok := strings.CutPrefix(i.s, "http_"); ok {
		return request(t, verb, args)
	}
	switch i.s {
	case "sleep":
		n, ok := seconds(args[0])
		if !ok || n < 0 {
			return fault("sleep: expected a number of seconds, got %s", Inspect(args[0]))
		}
		f.push(nil)
		t.Wait = &wait{Kind: "sleep", Until: r.millis() + min(n, 1<<40)*1000}
	case "cred":
		name, err := str(args[0], "cred")
		if err != nil {
			return err
		}
		v, err := r.host.Secret(r.ctx, name)
		if err != nil {
			return fault("cred: %s", err)
		}
		f.push(String(v))
	case "task_label":
		r.host.Label(t.Name, joinText(args[0]))
		f.push(args[0])
	case "log_title", "log_info", "log_error":
		r.host.Log(strings.TrimPrefix(i.s, "log_"), joinText(args[0]))
		f.push(nil)
	case "assert":
		if !Truth(args[0]) {
			return &Fault{Type: "assert", Message: "the assertion is false: " + r.m.program.file.Slice(i.at)}
		}
		f.push(nil)
	default:
		return r.aboutTasks(t, f, i, args)
	}
	return nil
}

func (r *run) aboutTasks(t *task, f *frame, i instr, args []Value) error {
	switch i.s {
	case nameTask:
		t.Name, t.Named = Text(args[0]), true
		f.push(nil)
	case "task_name":
		f.push(String(t.Name))
	case "tasks":
		list := Array{}
		for _, other := range r.m.s.Tasks {
			list = list.Append(String(other.Name))
		}
		f.push(list)
	case "task_status":
		name := Text(args[0])
		switch status, known := r.m.s.Statuses[name]; {
		case r.anyAlive([]string{name}):
			f.push(String("running"))
		case known:
			f.push(String(status))
		default:
			f.push(nil)
		}
	default:
		return fault("the function %s cannot run", i.s)
	}
	return nil
}

// request makes a task wait for an answer. What is wrong with the request is an error at once.
func request(t *task, verb string, args []Value) error {
	if verb == "request" {
		verb = ""
	}
	all := Hash{}
	for i, a := range args {
		switch x := a.(type) {
		case Hash:
			for k, v := range x.All() {
				all = all.With(k, v)
			}
		case String:
			if i > 0 || verb == "" {
				return fault("http_%s: expected named arguments, got a string", verb)
			}
			all = all.With("url", x)
		default:
			return fault("http_request: expected named arguments or a hash of them, got %s", article(a))
		}
	}
	if _, err := buildRequest(verb, all); err != nil {
		return err
	}
	t.Wait = &wait{Kind: "http", Verb: verb, Args: stored{all}}
	return nil
}

// collected adds a variable to list n of the map that runs; one that is unset adds nothing.
func (r *run) collected(f *frame, name string, n int) error {
	v, ok := r.lookup(f, name)
	if !ok {
		return nil
	}
	at := len(f.Stack) - 3
	lists := f.Stack[at].Value.(Array)
	longer, err := setIn(lists, []Value{Int(n)}, func(list Value) (Value, error) { return appendTo(list, v) })
	if err := r.made(f, longer, err); err != nil {
		return err
	}
	f.Stack[at] = stored{f.pop()}
	return nil
}
