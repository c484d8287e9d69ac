-- What is watched over: one row for each complaint and each follow-up of a bad
-- review. Nobody's words are kept here.
CREATE TABLE matter (
	stream      TEXT    PRIMARY KEY,
	kind        TEXT    NOT NULL,          -- category of the stream: 'complaint', 'review'
	id          TEXT    NOT NULL,
	institution TEXT    NOT NULL,
	about       TEXT    NOT NULL,          -- line of the price list; '' for none
	level       INTEGER NOT NULL,          -- of a review, else 0
	state       TEXT    NOT NULL,          -- last part of the event's name: 'filed', 'decided'
	opened_on   TEXT    NOT NULL,
	ended       INTEGER NOT NULL,
	event       TEXT    NOT NULL,          -- that opened it
	position    INTEGER NOT NULL,
	recorded_at TEXT    NOT NULL
) STRICT;
CREATE INDEX matter_by_institution ON matter (kind, institution, ended);

-- The terms that run.
CREATE TABLE duty (
	stream    TEXT    NOT NULL,
	step      TEXT    NOT NULL,
	by        TEXT    NOT NULL,            -- last day
	authority INTEGER NOT NULL,            -- the regulator owes it
	PRIMARY KEY (stream, step)
) STRICT, WITHOUT ROWID;

-- The terms that passed without their act, the authority's own too.
CREATE TABLE missed (
	position  INTEGER PRIMARY KEY,
	stream    TEXT    NOT NULL,
	step      TEXT    NOT NULL,
	by        TEXT    NOT NULL,
	authority INTEGER NOT NULL
) STRICT;
