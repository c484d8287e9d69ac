CREATE TABLE institution (
	code     TEXT PRIMARY KEY,
	name_zh  TEXT NOT NULL,
	name_en  TEXT NOT NULL,
	division TEXT NOT NULL
) STRICT;

CREATE TABLE resource (
	institution    TEXT    NOT NULL,
	resource       TEXT    NOT NULL,
	kind           TEXT    NOT NULL,
	name_zh        TEXT    NOT NULL,
	name_en        TEXT    NOT NULL,
	opens          TEXT    NOT NULL,       -- local time of day
	closes         TEXT    NOT NULL,
	slot_minutes   INTEGER NOT NULL,
	buffer_minutes INTEGER NOT NULL,
	capacity       INTEGER NOT NULL,
	retired_from   TEXT    NOT NULL,       -- first day without it, '' while it serves
	durations      TEXT    NOT NULL,       -- JSON: how long each service takes
	clean_down     TEXT    NOT NULL,       -- JSON: the times of every day at which nothing is booked
	PRIMARY KEY (institution, resource)
) STRICT, WITHOUT ROWID;

-- How many days ahead may be booked, by institution or city that set it.
CREATE TABLE ahead (
	key  TEXT    PRIMARY KEY,              -- credit code or division
	days INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Maintenance that is planned and was not cancelled, whether or not the days
-- that it touches were told of it.
CREATE TABLE maintenance (
	institution TEXT NOT NULL,
	name        TEXT NOT NULL,
	resource    TEXT NOT NULL,
	starts      TEXT NOT NULL,             -- instants, UTC
	ends        TEXT NOT NULL,
	PRIMARY KEY (institution, name)
) STRICT, WITHOUT ROWID;

-- Intervals that a day keeps free.
CREATE TABLE blocked (
	day    TEXT NOT NULL,                  -- id of the day's stream
	block  TEXT NOT NULL,
	starts TEXT NOT NULL,                  -- instants, UTC
	ends   TEXT NOT NULL,
	kind   TEXT NOT NULL,
	PRIMARY KEY (day, block)
) STRICT, WITHOUT ROWID;

-- Slots that are held or confirmed. Which case has them is not kept: nothing
-- that this read model answers needs it.
CREATE TABLE taken (
	day       TEXT    NOT NULL,            -- id of the day's stream
	slot      TEXT    NOT NULL,
	starts    TEXT    NOT NULL,            -- instants, UTC
	ends      TEXT    NOT NULL,
	buffer_minutes INTEGER NOT NULL,
	until     TEXT    NOT NULL,            -- of the hold
	confirmed INTEGER NOT NULL,
	PRIMARY KEY (day, slot)
) STRICT, WITHOUT ROWID;
