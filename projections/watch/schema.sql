-- Who is watched, as the register names them today.
CREATE TABLE institution (
	code     TEXT    PRIMARY KEY,          -- unified social credit code
	kind     TEXT    NOT NULL,
	recorded TEXT    NOT NULL              -- local date of the registration
) STRICT, WITHOUT ROWID;

-- Which institution a case belongs to.
CREATE TABLE matter ("case" TEXT PRIMARY KEY, institution TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Everything that was charged, without anybody's name.
CREATE TABLE charge (
	position    INTEGER PRIMARY KEY,
	event       TEXT    NOT NULL,
	recorded_at TEXT    NOT NULL,
	day         TEXT    NOT NULL,          -- local date of the record
	institution TEXT    NOT NULL,
	stream      TEXT    NOT NULL,
	item        TEXT    NOT NULL,
	name_zh     TEXT    NOT NULL,
	unit        TEXT    NOT NULL,
	quantity    INTEGER NOT NULL,
	price_fen   INTEGER NOT NULL,
	amount_fen  INTEGER NOT NULL,
	ceiling_fen INTEGER NOT NULL,
	list        INTEGER NOT NULL           -- version of the price list
) STRICT;
CREATE INDEX charge_by_day ON charge (day, institution);

-- Charges that a rule refused.
CREATE TABLE refusal (
	position    INTEGER PRIMARY KEY,
	event       TEXT    NOT NULL,
	recorded_at TEXT    NOT NULL,
	day         TEXT    NOT NULL,
	institution TEXT    NOT NULL,
	stream      TEXT    NOT NULL,
	actor       TEXT    NOT NULL,
	code        TEXT    NOT NULL,          -- of the rejection
	item        TEXT    NOT NULL,
	amount_fen  INTEGER NOT NULL,
	limit_fen   INTEGER NOT NULL,
	rule        TEXT    NOT NULL,
	basis       TEXT    NOT NULL
) STRICT;
CREATE INDEX refusal_by_day ON refusal (day);

-- Cremations, by when they were recorded.
CREATE TABLE run (
	stream      TEXT    PRIMARY KEY,
	institution TEXT    NOT NULL,
	furnace     TEXT    NOT NULL,
	day         TEXT    NOT NULL,          -- local date of the start; of the end where no start is on record
	began       TEXT    NOT NULL,          -- instants, UTC; '' where no start is on record
	ended       TEXT    NOT NULL,          -- '' while it goes on, and where nobody knows
	seconds     INTEGER NOT NULL,          -- 0 where the end is not known
	start_position INTEGER NOT NULL,       -- 0 where no start is on record
	start_recorded TEXT    NOT NULL,
	end_position   INTEGER NOT NULL,
	end_event      TEXT NOT NULL,
	end_recorded   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX run_by_day ON run (institution, day);

-- What the cremation itself was flagged for, and the explanation.
CREATE TABLE flag (
	position    INTEGER PRIMARY KEY,
	event       TEXT    NOT NULL,
	recorded_at TEXT    NOT NULL,
	stream      TEXT    NOT NULL,
	kind        TEXT    NOT NULL,
	found_s     INTEGER NOT NULL,
	limit_s     INTEGER NOT NULL,
	explained   TEXT    NOT NULL DEFAULT '', -- when that was recorded
	explanation INTEGER NOT NULL DEFAULT 0   -- its position
) STRICT;
CREATE INDEX flag_by_stream ON flag (stream);

-- Graves beyond a limit.
CREATE TABLE exceeded (
	position    INTEGER PRIMARY KEY,
	event       TEXT    NOT NULL,
	recorded_at TEXT    NOT NULL,
	stream      TEXT    NOT NULL,
	institution TEXT    NOT NULL,
	rule        TEXT    NOT NULL,
	measured    INTEGER NOT NULL,
	bound       INTEGER NOT NULL,
	remedied    TEXT    NOT NULL DEFAULT '',
	remedy      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX exceeded_by_stream ON exceeded (stream, rule);

-- Versions of price lists, and what each item costs in them.
CREATE TABLE list (
	position       INTEGER PRIMARY KEY,
	event          TEXT    NOT NULL,
	recorded_at    TEXT    NOT NULL,
	institution    TEXT    NOT NULL,
	version        INTEGER NOT NULL,
	effective_from TEXT    NOT NULL,
	prices         TEXT    NOT NULL        -- JSON: fen by item
) STRICT;
CREATE INDEX list_by_institution ON list (institution, version);
