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
	late        INTEGER NOT NULL,          -- recorded in a later month than interred_on
	corrected   INTEGER NOT NULL           -- position of the last correction, 0 for none
) STRICT;
CREATE INDEX interment_by_day ON interment (interred_on);
CREATE INDEX interment_by_stream ON interment (stream);

-- Everything that ever moved a figure, in the order of the log: what one burial
-- counted by before and after.
CREATE TABLE change (
	position     INTEGER PRIMARY KEY,
	event        TEXT NOT NULL,
	event_type   TEXT NOT NULL,
	recorded_at  TEXT NOT NULL,
	interment    TEXT NOT NULL,            -- event of the burial
	was_month    TEXT NOT NULL,            -- '' for one that was not counted in a month
	was_type     TEXT NOT NULL,
	was_division TEXT NOT NULL,
	is_month     TEXT NOT NULL,
	is_type      TEXT NOT NULL,
	is_division  TEXT NOT NULL
) STRICT;

-- Months that were published, with the figures that stay.
CREATE TABLE published (
	month       TEXT    PRIMARY KEY,
	event       TEXT    NOT NULL,
	position    INTEGER NOT NULL,
	recorded_at TEXT    NOT NULL,
	rests_on    INTEGER NOT NULL,          -- everything up to this position was counted
	cells       TEXT    NOT NULL           -- JSON, by division and type
) STRICT, WITHOUT ROWID;
CREATE TABLE published_total (
	month          TEXT    NOT NULL,
	definition     TEXT    NOT NULL,
	interments     INTEGER NOT NULL,
	strict_count   INTEGER NOT NULL,
	broad_count    INTEGER NOT NULL,
	land_saved_cm2 INTEGER NOT NULL,
	late           INTEGER NOT NULL,
	PRIMARY KEY (month, definition)
) STRICT, WITHOUT ROWID;

-- Definitions that were adopted beside the program's own.
CREATE TABLE definition (
	id           TEXT    PRIMARY KEY,
	position     INTEGER NOT NULL,
	from_day     TEXT    NOT NULL,
	document     TEXT    NOT NULL,
	definition   TEXT    NOT NULL          -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE target (
	share     TEXT    NOT NULL,
	year      TEXT    NOT NULL,
	per_mille INTEGER NOT NULL,
	document  TEXT    NOT NULL,
	position  INTEGER NOT NULL,
	PRIMARY KEY (share, year)
) STRICT, WITHOUT ROWID;

-- Cemeteries and their places: what coverage and the years left are made of.
CREATE TABLE cemetery (
	code     TEXT PRIMARY KEY,
	class    TEXT NOT NULL,
	division TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE plot (
	id       TEXT    PRIMARY KEY,
	cemetery TEXT    NOT NULL,
	division TEXT    NOT NULL,
	capacity INTEGER NOT NULL,
	taken    INTEGER NOT NULL              -- persons who have a place
) STRICT, WITHOUT ROWID;
CREATE INDEX plot_by_division ON plot (division);
-- Places given and given back, by local month.
CREATE TABLE given (
	division TEXT    NOT NULL,
	month    TEXT    NOT NULL,
	given    INTEGER NOT NULL,
	PRIMARY KEY (division, month)
) STRICT, WITHOUT ROWID;

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
