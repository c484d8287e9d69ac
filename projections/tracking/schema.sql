-- The code that counts for each case, as its keyed hash.
CREATE TABLE code (
	"case"    TEXT PRIMARY KEY,
	hash      TEXT NOT NULL,
	issued_at TEXT NOT NULL                -- as the log recorded it, UTC
) STRICT, WITHOUT ROWID;
CREATE INDEX code_hash ON code (hash);

-- The applications for an eco-burial of each case, in the order of the log.
CREATE TABLE eco (
	burial   TEXT    PRIMARY KEY,
	"case"   TEXT    NOT NULL,
	position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX eco_of ON eco ("case", position);
