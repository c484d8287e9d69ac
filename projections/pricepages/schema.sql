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
	PRIMARY KEY (division, version)
) STRICT, WITHOUT ROWID;

-- Pages ready to be served. Version 0 is the history of all versions.
CREATE TABLE file (
	institution TEXT    NOT NULL,
	version     INTEGER NOT NULL,
	format      TEXT    NOT NULL,          -- html, json, csv
	variant     TEXT    NOT NULL,          -- of html: as the renderer names it
	etag        TEXT    NOT NULL,          -- of the bytes before compression
	gzip        BLOB    NOT NULL,
	PRIMARY KEY (institution, version, format, variant)
) STRICT;
