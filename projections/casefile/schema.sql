CREATE TABLE institution (
	code     TEXT PRIMARY KEY,
	name_zh  TEXT NOT NULL,
	name_en  TEXT NOT NULL,
	division TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE resource (
	institution TEXT NOT NULL,
	resource    TEXT NOT NULL,
	kind        TEXT NOT NULL,
	name_zh     TEXT NOT NULL,
	name_en     TEXT NOT NULL,
	PRIMARY KEY (institution, resource)
) STRICT, WITHOUT ROWID;

CREATE TABLE parameter (
	body  TEXT NOT NULL,                   -- division or credit code
	name  TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (body, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE file (
	no     INTEGER PRIMARY KEY,            -- position of the first event about the case
	"case" TEXT    NOT NULL UNIQUE
) STRICT;

-- What leads to a file besides the case.
CREATE TABLE tag (tag TEXT PRIMARY KEY, file INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE certificate (number TEXT PRIMARY KEY, file INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- The events about each case, of all streams, as the log keeps them: what is
-- personal in them stays sealed, and is opened by whoever reads the file and
-- has the keys.
CREATE TABLE event (
	position    INTEGER PRIMARY KEY,
	file        INTEGER NOT NULL,
	event       TEXT    NOT NULL,
	stream      TEXT    NOT NULL,
	type        TEXT    NOT NULL,
	occurred_at TEXT    NOT NULL,          -- UTC, '' where nobody knows
	recorded_at TEXT    NOT NULL,
	actor       TEXT    NOT NULL,
	late_reason TEXT    NOT NULL,
	estimated   INTEGER NOT NULL,
	data        TEXT    NOT NULL
) STRICT;
CREATE INDEX event_file ON event (file);
