-- Every burial that a facility reported, one row each, without personal data.
CREATE TABLE interment (
	position    INTEGER PRIMARY KEY,       -- of the event it comes from
	event       TEXT    NOT NULL,
	stream      TEXT    NOT NULL,
	recorded_at TEXT    NOT NULL,
	interred_on TEXT    NOT NULL,          -- local date, '' when nobody knows it
	type        TEXT    NOT NULL,
	definition  TEXT    NOT NULL,          -- under which the type was told
	division    TEXT    NOT NULL,
	institution TEXT    NOT NULL,
	land_cm2    INTEGER NOT NULL,          -- as reported
	late        INTEGER NOT NULL           -- recorded in a later month than interred_on
) STRICT;
CREATE INDEX interment_by_day ON interment (interred_on);

-- The same, counted. What a type counts for is the definition's matter and is
-- applied when the question is asked.
CREATE TABLE tally (
	month       TEXT    NOT NULL,          -- '2026-11', '' when the day is unknown
	division    TEXT    NOT NULL,
	institution TEXT    NOT NULL,
	type        TEXT    NOT NULL,
	interments  INTEGER NOT NULL,
	land_cm2    INTEGER NOT NULL,
	late        INTEGER NOT NULL,
	PRIMARY KEY (month, division, institution, type)
) STRICT, WITHOUT ROWID;
