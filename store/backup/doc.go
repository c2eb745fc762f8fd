// Package backup writes a database into one stream and reads it back, into either engine.
//
// Read [Write] and [Restore] first. A backup is made from one snapshot beside a running server and holds everything but
// keys: what is sealed stays sealed, and opens only with the key file. It is JSON lines in a zstd frame, so that
//
//	zstd -dc espalier.backup | head -1
//
// shows the header. After it comes a section for each table, parents before what refers to them, and a trailer:
//
//	{"format":"espalier backup","version":1,"product":"v0.3.0","madeAt":"2026-03-01T02:00:00Z","engine":"sqlite","schema":1,"migrations":[{"version":1,"name":"0001_tree","hash":"5a1c…"}],"auditHead":"12:9f…"}
//	{"table":"organization","columns":["id","parent_id","name"],"lastId":40}
//	[1,null,"Northwind MSP"]
//	[7,1,"Contoso"]
//	{"table":"project","columns":["id","org_id","name"],"lastId":40}
//	[1,1,"main"]
//	{"rows":{"organization":2,"project":1},"sha256":"c0ff…"}
//
// The digest is of all bytes before the trailer's line. A whole number is a number, text is a string, NULL is null; text
// that is no UTF-8, which SQLite may hold, is {"base64":"…"}. lastId is the highest id that was ever given out, also when its row is gone,
// so that ids are not used again after a restore.
//
// Tables and columns are those that the database itself lists. Only schema_version is not a section: it stands in the header.
package backup
