// Package replay lets evaluations happen without a network: a [Host] answers requests from a [World], which was written
// by hand or by a [Recorder] while an evaluation ran.
//
//	world, err := replay.Load(os.DirFS("testdata/widgets"))
//	host := replay.NewHost(world, engine)
//	result := program.Evaluate(ctx, host, eval.Input{})
//	err = host.Complaint() // requests that nobody foresaw
//
// A world is a folder of JSON files: world.json has the time at which it begins, and each other file holds exchanges, of
// which those with equal requests are answered in the order of the names and then in that of the file:
//
//	[{
//	  "request": {"method": "POST", "url": "https://api.example.com/v1/widgets?page=*", "body": {"json": {"all": true}}},
//	  "response": {"status": 200, "header": {"Content-Type": "application/json"}, "body": {"json": {"items": []}}},
//	  "times": 2
//	}]
//
// What a recorder writes holds no signatures, since hosts sign what they send; but it holds whatever the servers answered.
package replay
