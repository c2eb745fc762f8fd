package child

import (
	"context"
	"encoding/gob"
	"errors"
	"io"
	"os"

	"espalier.dev/policylang/script"
)

// Argument is what makes the executable a child.
const Argument = "policy-script-child"

// Enter makes this process a child if args, which are os.Args, say so, and does not return then.
func Enter(args []string) {
	if len(args) != 2 || args[1] != Argument {
		return
	}
	_ = confine() // where there is no filter the other walls stand alone
	if err := Main(os.Stdin, os.Stdout); err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Exit(0)
}

// reply is what a child sends: an empty one when it is ready, then one per call.
type reply struct {
	Outcome script.Outcome
	Limit   *script.LimitError
	Script  *script.Error
	// Other is the text of any other error.
	Other string
}

// Main answers the calls that come from in on out, until in ends. A call that is still running then is abandoned: the
// process should end.
func Main(in io.Reader, out io.Writer) error {
	// Compiling what every script needs takes a while, which the first of them should not pay for.
	if _, err := (script.Local{}).Run(context.Background(), script.Call{Source: "result = _.VERSION", Result: "result"}); err != nil {
		return err
	}
	calls := make(chan script.Call)
	failed := make(chan error, 1)
	go func() {
		send := gob.NewEncoder(out)
		err := send.Encode(reply{})
		for c := range calls {
			if err == nil {
				// The answer goes out before the engine frees what the script made, which may take longer than the script.
				script.Local{}.Deliver(context.Background(), c, func(out script.Outcome, e error) { err = send.Encode(answer(out, e)) })
			}
			if err != nil {
				failed <- err
				return
			}
		}
	}()
	defer close(calls)
	return receive(in, calls, failed)
}

// receive hands the calls on. It reads while a call runs, so that it sees the end of in at once.
func receive(in io.Reader, calls chan<- script.Call, failed <-chan error) error {
	for read := gob.NewDecoder(in); ; {
		var c script.Call
		if err := read.Decode(&c); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		select {
		case calls <- c:
		case err := <-failed:
			return err
		}
	}
}

func answer(out script.Outcome, err error) reply {
	r := reply{Outcome: out}
	if err != nil && !errors.As(err, &r.Limit) && !errors.As(err, &r.Script) {
		r.Other = err.Error()
	}
	return r
}

// result is the reply as the engine's caller has it.
func (r reply) result() (script.Outcome, error) {
	switch {
	case r.Limit != nil:
		return r.Outcome, r.Limit
	case r.Script != nil:
		return r.Outcome, r.Script
	case r.Other != "":
		return r.Outcome, errors.New(r.Other)
	}
	return r.Outcome, nil
}
