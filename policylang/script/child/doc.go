// Package child runs scripts in processes that can be ended, since one native call or one regular expression of an engine
// can't be interrupted.
//
// Read [Pool]; it is a [script.Engine]. It starts this executable anew with a hidden argument, so main begins with
//
//	child.Enter(os.Args)
//
// A child has no environment of its parent's, no open files but the pipes to it, and on Linux neither sockets nor files nor
// further programs. It answers one call after another, each in a fresh world; it is ended, and the next call gets a new one,
// when it overruns the time by 50 ms, when its memory outgrows what the limit explains, and when the call's context ends.
// It ends by itself when its parent does.
package child
