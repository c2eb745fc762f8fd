// Package runner is the world outside of the evaluations of policies, as they really run: their requests are signed here, sent
// through the egress guard, and followed where they are redirected; secrets are known here alone.
//
// Read [Host] first, which serves datasources; [Actions] is what escalations and resolutions need besides.
//
//	host, err := runner.NewHost(runner.Config{Transport: guard, Engine: engine, Credential: find})
//	result := program.Evaluate(ctx, host, eval.Input{Options: chosen})
//	err = plan.Step(ctx, runner.Actions{Host: host, Mailer: send}, subject, run)
package runner
