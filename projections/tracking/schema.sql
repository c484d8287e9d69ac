-- The code that counts for each case, as its keyed hash. What a family reads
-- under it comes from the case's own file.
CREATE TABLE code (
	"case"    TEXT PRIMARY KEY,
	hash      TEXT NOT NULL,
	issued_at TEXT NOT NULL                -- as the log recorded it, UTC
) STRICT, WITHOUT ROWID;
CREATE INDEX code_hash ON code (hash);
