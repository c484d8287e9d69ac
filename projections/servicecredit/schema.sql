-- Who has a ledger, as the register names them today.
CREATE TABLE institution (
	code       TEXT    PRIMARY KEY,        -- unified social credit code
	name_zh    TEXT    NOT NULL,
	name_en    TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	division   TEXT    NOT NULL,
	address    TEXT    NOT NULL,
	fictitious INTEGER NOT NULL
) STRICT;

-- Versions of the policy, as adopted.
CREATE TABLE policy (
	position       INTEGER PRIMARY KEY,    -- of its event; also the order of adoption
	version        TEXT    NOT NULL UNIQUE,
	effective_from TEXT    NOT NULL,
	body           TEXT    NOT NULL,       -- the whole version as JSON
	event          TEXT    NOT NULL,
	recorded_at    TEXT    NOT NULL
) STRICT;

-- Confirmed entries, deductions and bonuses alike. Nothing is ever taken out.
CREATE TABLE entry (
	position      INTEGER PRIMARY KEY,     -- of the event that made it
	entry         TEXT    NOT NULL UNIQUE,
	institution   TEXT    NOT NULL,
	bonus         INTEGER NOT NULL,
	rule          TEXT    NOT NULL,
	policy        TEXT    NOT NULL,
	points        INTEGER NOT NULL,        -- positive, for a bonus to add, else to deduct
	severity      TEXT    NOT NULL,
	escalated     INTEGER NOT NULL,
	grade_ceiling TEXT    NOT NULL,
	fact          TEXT    NOT NULL,
	document      TEXT    NOT NULL,
	decided_on    TEXT    NOT NULL,
	suspicion     TEXT    NOT NULL,
	event         TEXT    NOT NULL,
	recorded_at   TEXT    NOT NULL,
	-- right after this entry was recorded, as of decided_on; '' and NULL when no
	-- policy was in force then
	score         INTEGER,
	grade         TEXT    NOT NULL,
	scored_under  TEXT    NOT NULL,
	told          TEXT    NOT NULL DEFAULT '', -- when the repair timetable was told with the decision
	-- its end, if it has one
	repaired_on       TEXT NOT NULL DEFAULT '',
	repair_document   TEXT NOT NULL DEFAULT '',
	repair_recorded   TEXT NOT NULL DEFAULT '',
	revoked_on        TEXT NOT NULL DEFAULT '',
	revocation_document TEXT NOT NULL DEFAULT '',
	revocation_reason TEXT NOT NULL DEFAULT '',
	revocation_recorded TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX entry_by_institution ON entry (institution, decided_on, entry);

-- Suspicions: for the institution and the regulator. No public query reads
-- this table, and no score.
CREATE TABLE suspicion (
	position    INTEGER PRIMARY KEY,
	suspicion   TEXT    NOT NULL UNIQUE,
	institution TEXT    NOT NULL,
	rule        TEXT    NOT NULL,
	fact        TEXT    NOT NULL,
	basis       TEXT    NOT NULL,
	evidence    TEXT    NOT NULL,          -- the event that an automatic rule saw
	event       TEXT    NOT NULL,
	recorded_at TEXT    NOT NULL,
	notice      TEXT    NOT NULL DEFAULT '',
	answer_by   TEXT    NOT NULL DEFAULT '',
	answer      TEXT    NOT NULL DEFAULT '',
	answered_at TEXT    NOT NULL DEFAULT '',
	outcome     TEXT    NOT NULL DEFAULT '', -- '', 'dismissed', 'confirmed'
	reason      TEXT    NOT NULL DEFAULT '',
	entry       TEXT    NOT NULL DEFAULT '',
	-- what one officer decided, until another confirms it
	proposed_entry    TEXT NOT NULL DEFAULT '',
	proposed_document TEXT NOT NULL DEFAULT '',
	proposed_on       TEXT NOT NULL DEFAULT '',
	proposed_by       TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX suspicion_by_institution ON suspicion (institution, position);

-- Objections and requests for repair: what the authority has to answer, and
-- when it did. Only their days are ever public, with their entry.
CREATE TABLE objection (
	position    INTEGER PRIMARY KEY,
	objection   TEXT    NOT NULL UNIQUE,
	institution TEXT    NOT NULL,
	entry       TEXT    NOT NULL,
	document    TEXT    NOT NULL,
	filed_on    TEXT    NOT NULL,
	recorded_at TEXT    NOT NULL,
	decide_by   TEXT    NOT NULL,
	extended    TEXT    NOT NULL DEFAULT '', -- why
	outcome     TEXT    NOT NULL DEFAULT '', -- '', 'accepted', 'refused'
	reply       TEXT    NOT NULL DEFAULT '', -- document
	reason      TEXT    NOT NULL DEFAULT '',
	decided_on  TEXT    NOT NULL DEFAULT '',
	decision_recorded TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX objection_by_institution ON objection (institution, position);

CREATE TABLE repair_request (
	position    INTEGER PRIMARY KEY,
	institution TEXT    NOT NULL,
	entry       TEXT    NOT NULL,
	document    TEXT    NOT NULL,
	filed_on    TEXT    NOT NULL,
	recorded_at TEXT    NOT NULL,
	decide_by   TEXT    NOT NULL,
	outcome     TEXT    NOT NULL DEFAULT '', -- '', 'repaired', 'refused'; 'revoked' when its entry was
	reply       TEXT    NOT NULL DEFAULT '',
	reason      TEXT    NOT NULL DEFAULT '',
	decided_on  TEXT    NOT NULL DEFAULT '',
	decision_recorded TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX repair_request_by_institution ON repair_request (institution, position);
