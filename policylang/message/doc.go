// Package message renders the texts of incidents: summaries, details, subjects and bodies of mails.
//
// Read [Template] first. The source is that of Go's text/template with the functions of the language; what comes out is
// Markdown, of which [HTML] makes safe HTML and [Text] plain text.
//
//	t, err := message.Parse("{{ len data }} idle in {{ rs_project_name }}")
//	md, err := t.Execute(ctx, message.NewData(violation, parameters, words), message.Limits{})
//	page := message.HTML(md)
//
// Where the published texts are silent we read them so: integers are integers, and print all their digits; numbers of
// both kinds compare with one another and fit every verb of printf; values of different types are not equal, which is no
// error. The dot at the root has the functions' values as members.
//
// A template may come from anybody. Its steps, its depth, and the bytes that it makes are limited; nothing in it panics
// or runs on.
package message
