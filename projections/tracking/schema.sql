-- The code that counts for each case, as its keyed hash.
CREATE TABLE code (
	"case"    TEXT PRIMARY KEY,
	hash      TEXT NOT NULL,
	issued_at TEXT NOT NULL                -- as the log recorded it, UTC
) STRICT, WITHOUT ROWID;
CREATE INDEX code_hash ON code (hash);
