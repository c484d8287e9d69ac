CREATE TABLE institution (
	no      INTEGER PRIMARY KEY,           -- position of the event that opened its first case
	code    TEXT    NOT NULL UNIQUE
) STRICT;

-- One row per case. Personal data stands in this table in clear, as far as a
-- desk needs it to find somebody; nothing of a person who is forgotten does.
CREATE TABLE entry (
	no           INTEGER PRIMARY KEY,      -- position of the event that opened the case: newer is larger
	"case"       TEXT    NOT NULL UNIQUE,
	institution  INTEGER NOT NULL,
	quarter      INTEGER NOT NULL,         -- in which it was opened: 4 × year + 0…3
	number       TEXT    NOT NULL,
	tag          TEXT    NOT NULL,
	state        TEXT    NOT NULL,         -- open, cancelled, closed
	opened_at    TEXT    NOT NULL,         -- as the log recorded it, UTC
	deceased     TEXT    NOT NULL,         -- subject
	name         TEXT    NOT NULL,
	unnamed      TEXT    NOT NULL,
	sex          TEXT    NOT NULL,
	id_masked    TEXT    NOT NULL,
	id_tail      TEXT    NOT NULL,         -- the last six
	handler      TEXT    NOT NULL,         -- subject
	handler_name TEXT    NOT NULL,
	phone_masked TEXT    NOT NULL,
	phone_tail   TEXT    NOT NULL          -- the last six
) STRICT;
CREATE INDEX entry_deceased ON entry (deceased);
CREATE INDEX entry_handler ON entry (handler);

-- What the rows are found by. Terms of one quarter lie together, so that a
-- prefix which fits thousands is answered from the newest quarters alone.
CREATE TABLE term (
	institution INTEGER NOT NULL,
	quarter     INTEGER NOT NULL,
	term        TEXT    NOT NULL,
	entry       INTEGER NOT NULL,
	PRIMARY KEY (institution, quarter, term, entry)
) STRICT, WITHOUT ROWID;

-- The quarters in which an institution opened cases.
CREATE TABLE quarter (
	quarter     INTEGER NOT NULL,
	institution INTEGER NOT NULL,
	PRIMARY KEY (quarter, institution)
) STRICT, WITHOUT ROWID;

-- People whose data was erased: what is still said of them is not taken in.
CREATE TABLE forgotten (person TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
