-- What is watched over: one row for each complaint, each follow-up of a bad
-- review, each round of inspections and each penalty. Nobody's words are kept here.
CREATE TABLE matter (
	stream      TEXT    PRIMARY KEY,
	kind        TEXT    NOT NULL,          -- category of the stream: 'complaint', 'review', 'inspection', 'penalty'
	id          TEXT    NOT NULL,
	institution TEXT    NOT NULL,          -- '' for a round of inspections
	about       TEXT    NOT NULL,          -- line of the price list, kind of penalty; '' for none
	level       INTEGER NOT NULL,          -- of a review, else 0
	state       TEXT    NOT NULL,          -- last part of the event's name: 'filed', 'decided'
	opened_on   TEXT    NOT NULL,
	ended       INTEGER NOT NULL,
	event       TEXT    NOT NULL,          -- that opened it
	position    INTEGER NOT NULL,
	recorded_at TEXT    NOT NULL
) STRICT;
CREATE INDEX matter_by_institution ON matter (kind, institution, ended);

-- The terms, since the one from which they ran and until they were done: by the
-- day on which the log had it, and by the day on which it was so.
CREATE TABLE duty (
	position  INTEGER NOT NULL,            -- of the event that began it
	stream    TEXT    NOT NULL,
	step      TEXT    NOT NULL,            -- of an inspection: the institution whose result is due
	by        TEXT    NOT NULL,            -- last day
	authority INTEGER NOT NULL,            -- the regulator owes it
	known     TEXT    NOT NULL,
	since     TEXT    NOT NULL,
	done_known TEXT   NOT NULL,            -- '' while it runs
	done      TEXT    NOT NULL,
	PRIMARY KEY (position, step)
) STRICT, WITHOUT ROWID;
CREATE INDEX duty_of_stream ON duty (stream, step, done_known);

-- The terms that passed without their act, the authority's own too.
CREATE TABLE missed (
	position  INTEGER PRIMARY KEY,
	stream    TEXT    NOT NULL,
	step      TEXT    NOT NULL,
	by        TEXT    NOT NULL,
	authority INTEGER NOT NULL
) STRICT;

-- What visits of inspections and penalties came to. Everybody sees a row from its
-- first to its last day of publication and no longer.
CREATE TABLE result (
	stream      TEXT    NOT NULL,
	institution TEXT    NOT NULL,
	kind        TEXT    NOT NULL,          -- 'inspection', 'penalty'
	id          TEXT    NOT NULL,
	severity    TEXT    NOT NULL,          -- of a penalty, else ''
	what        TEXT    NOT NULL,          -- kind of penalty; version of the checklist
	amount      INTEGER NOT NULL,          -- fen, 0 for none
	fact        TEXT    NOT NULL,          -- of an inspection: a line for each finding
	basis       TEXT    NOT NULL,
	findings    INTEGER NOT NULL,
	document    TEXT    NOT NULL,          -- '' before there is one
	happened_on TEXT    NOT NULL,          -- day of the visit or of the decision; '' before
	from_day    TEXT    NOT NULL,          -- first day of publication; '' for none
	until_day   TEXT    NOT NULL,          -- last day; '' for no end
	revoked_on  TEXT    NOT NULL,          -- '' for not
	reason      TEXT    NOT NULL,          -- of the revocation
	PRIMARY KEY (stream, institution)
) STRICT, WITHOUT ROWID;
CREATE INDEX result_by_institution ON result (institution, from_day);

-- Whose case it is, and what its family said of the service (好差评): a level and a
-- day, none of the words.
CREATE TABLE rating (
	case_id     TEXT    PRIMARY KEY,
	institution TEXT    NOT NULL,
	level       INTEGER NOT NULL,          -- 5 to 1; 0: not rated
	rated_on    TEXT    NOT NULL,
	excluded    INTEGER NOT NULL           -- found to be mistaken or malicious
) STRICT, WITHOUT ROWID;
CREATE INDEX rating_by_institution ON rating (institution, rated_on) WHERE level > 0;
