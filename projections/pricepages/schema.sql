-- Versions of price lists, as published.
CREATE TABLE version (
	institution    TEXT    NOT NULL,       -- credit code, or the slug of a reference list
	version        INTEGER NOT NULL,
	effective_from TEXT    NOT NULL,
	body           TEXT    NOT NULL,       -- the event's data as this read model understands it, JSON
	changes        TEXT    NOT NULL,       -- what differs from the version before, JSON
	position       INTEGER NOT NULL,
	event          TEXT    NOT NULL,
	recorded_at    TEXT    NOT NULL,
	PRIMARY KEY (institution, version)
) STRICT, WITHOUT ROWID;

-- What the register says about whoever publishes.
CREATE TABLE institution (
	code       TEXT    PRIMARY KEY,
	name_zh    TEXT    NOT NULL,
	name_en    TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	fictitious INTEGER NOT NULL
) STRICT;

-- Fee catalogues that lists were checked against.
CREATE TABLE catalogue (
	division       TEXT    NOT NULL,
	version        INTEGER NOT NULL,
	document       TEXT    NOT NULL,
	effective_from TEXT    NOT NULL,
	items          TEXT    NOT NULL,       -- JSON
	PRIMARY KEY (division, version)
) STRICT, WITHOUT ROWID;

-- Which institution a case is at.
CREATE TABLE of_case (
	id          TEXT PRIMARY KEY,
	institution TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How often an item was charged at a price in a month.
CREATE TABLE charged (
	institution TEXT    NOT NULL,
	code        TEXT    NOT NULL,
	month       TEXT    NOT NULL,          -- of the charge, 2026-10
	price       INTEGER NOT NULL,          -- fen a unit
	n           INTEGER NOT NULL,
	PRIMARY KEY (institution, month, code, price)
) STRICT, WITHOUT ROWID;

-- The month in which the log is: those before it are over.
CREATE TABLE clock (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	month TEXT    NOT NULL
) STRICT;

-- Pages ready to be served. Version 0 is the history of all versions.
CREATE TABLE file (
	institution TEXT    NOT NULL,
	version     INTEGER NOT NULL,
	format      TEXT    NOT NULL,          -- html, wall, counter, json, csv, jsonld
	variant     TEXT    NOT NULL,          -- of html: as the renderer names it
	etag        TEXT    NOT NULL,          -- of the bytes before compression
	gzip        BLOB    NOT NULL,
	PRIMARY KEY (institution, version, format, variant)
) STRICT;
