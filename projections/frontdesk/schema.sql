CREATE TABLE institution (
	code     TEXT PRIMARY KEY,
	name_zh  TEXT NOT NULL,
	name_en  TEXT NOT NULL,
	division TEXT NOT NULL
) STRICT, WITHOUT ROWID;

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
	clean_down     TEXT    NOT NULL,       -- spans of every day: "16:00-18:00 …"
	PRIMARY KEY (institution, resource)
) STRICT, WITHOUT ROWID;

-- Maintenance that is planned and not cancelled.
CREATE TABLE maintenance (
	institution TEXT NOT NULL,
	"window"    TEXT NOT NULL,
	resource    TEXT NOT NULL,
	starts      TEXT NOT NULL,             -- instants, UTC
	ends        TEXT NOT NULL,
	reason      TEXT NOT NULL,
	PRIMARY KEY (institution, "window")
) STRICT, WITHOUT ROWID;

CREATE TABLE parameter (
	body  TEXT NOT NULL,                   -- division or credit code
	name  TEXT NOT NULL,
	value TEXT NOT NULL,
	PRIMARY KEY (body, name)
) STRICT, WITHOUT ROWID;

-- Slots that are held or confirmed.
CREATE TABLE slot (
	institution    TEXT    NOT NULL,
	day            TEXT    NOT NULL,       -- local date
	resource       TEXT    NOT NULL,
	slot           TEXT    NOT NULL,
	"case"         TEXT    NOT NULL,
	starts         TEXT    NOT NULL,
	ends           TEXT    NOT NULL,
	buffer_minutes INTEGER NOT NULL,
	until          TEXT    NOT NULL,       -- of the hold
	confirmed      INTEGER NOT NULL,
	PRIMARY KEY (institution, day, resource, slot)
) STRICT, WITHOUT ROWID;
CREATE INDEX slot_case ON slot ("case", starts);

CREATE TABLE block (
	institution TEXT NOT NULL,
	day         TEXT NOT NULL,
	resource    TEXT NOT NULL,
	block       TEXT NOT NULL,
	kind        TEXT NOT NULL,
	starts      TEXT NOT NULL,
	ends        TEXT NOT NULL,
	PRIMARY KEY (institution, day, resource, block)
) STRICT, WITHOUT ROWID;

CREATE TABLE waiting (
	institution TEXT NOT NULL,
	day         TEXT NOT NULL,
	kind        TEXT NOT NULL,
	"case"      TEXT NOT NULL,
	joined_at   TEXT NOT NULL,
	offer       TEXT NOT NULL,             -- "hall-1/0930", '' without one
	starts      TEXT NOT NULL,
	until       TEXT NOT NULL,
	PRIMARY KEY (institution, day, kind, "case")
) STRICT, WITHOUT ROWID;

-- One row per case. The name is masked; what depends on how somebody died is
-- here as far as it decides over papers, and goes with the person.
CREATE TABLE matter (
	"case"      TEXT    PRIMARY KEY,
	institution TEXT    NOT NULL,
	number      TEXT    NOT NULL,
	opened_at   TEXT    NOT NULL,
	state       TEXT    NOT NULL,          -- '' before it is opened, open, cancelled, closed
	deceased    TEXT    NOT NULL,          -- subject
	name        TEXT    NOT NULL,          -- masked: 林*舟
	unnamed     TEXT    NOT NULL,
	tag         TEXT    NOT NULL,
	kind        TEXT    NOT NULL,          -- of deceased, as far as known
	bare_kind   TEXT    NOT NULL,          -- without what is sealed
	died_at     TEXT    NOT NULL,          -- kind of place
	cause       TEXT    NOT NULL,
	cause_class TEXT    NOT NULL,
	relation    TEXT    NOT NULL,
	relief      INTEGER NOT NULL,          -- claimed or granted
	papers      TEXT    NOT NULL,          -- received, by code
	promised    TEXT    NOT NULL,          -- "CODE=2026-11-30 …", "CODE=2026-11-30! …" overdue
	disputes    TEXT    NOT NULL,          -- open ones
	holds       TEXT    NOT NULL,          -- open ones, "id=KIND …"
	stops       TEXT    NOT NULL,          -- papers without which the cremation cannot begin
	full_rules  INTEGER NOT NULL,
	identified  INTEGER NOT NULL,
	stage       TEXT    NOT NULL,          -- see Stage
	place_kind  TEXT    NOT NULL,
	place       TEXT    NOT NULL,
	since       TEXT    NOT NULL,          -- of the last scan
	arrived     TEXT    NOT NULL,          -- local date from which storage counts
	extended    TEXT    NOT NULL,
	furnace     TEXT    NOT NULL,
	started_at  TEXT    NOT NULL,
	ended_at    TEXT    NOT NULL,          -- '' too where nobody knows
	shares      TEXT    NOT NULL,          -- of the ashes, in custody: "1 2=NICHE:A-3"
	belongings  TEXT    NOT NULL           -- ids of those that are still kept
) STRICT, WITHOUT ROWID;
CREATE INDEX matter_deceased ON matter (deceased);
CREATE INDEX matter_stage ON matter (institution, stage);

CREATE TABLE service (
	"case"     TEXT NOT NULL,
	service    TEXT NOT NULL,
	ceremony   TEXT NOT NULL,
	resource   TEXT NOT NULL,
	starts     TEXT NOT NULL,
	ends       TEXT NOT NULL,
	begun      INTEGER NOT NULL,
	done       INTEGER NOT NULL,
	PRIMARY KEY ("case", service)
) STRICT, WITHOUT ROWID;

CREATE TABLE bay (
	institution TEXT    NOT NULL,
	bank        TEXT    NOT NULL,
	no          INTEGER NOT NULL,
	tag         TEXT    NOT NULL,
	"case"      TEXT    NOT NULL,
	since       TEXT    NOT NULL,
	PRIMARY KEY (institution, tag)
) STRICT, WITHOUT ROWID;

-- Cold stores that wait for a full count after an emergency.
CREATE TABLE recount (institution TEXT PRIMARY KEY, relocation TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- What the day sheet counts.
CREATE TABLE happened (
	position    INTEGER PRIMARY KEY,
	institution TEXT NOT NULL,
	day         TEXT NOT NULL,
	what        TEXT NOT NULL,             -- admission, cremation, release, hand_over
	"case"      TEXT NOT NULL,
	at          TEXT NOT NULL
) STRICT;
CREATE INDEX happened_day ON happened (institution, day);

CREATE TABLE money (
	position    INTEGER PRIMARY KEY,
	institution TEXT    NOT NULL,
	day         TEXT    NOT NULL,
	source      TEXT    NOT NULL,          -- case, till
	"case"      TEXT    NOT NULL,
	entry       TEXT    NOT NULL,
	kind        TEXT    NOT NULL,          -- PAYMENT, REFUND
	method      TEXT    NOT NULL,
	amount_fen  INTEGER NOT NULL
) STRICT;
CREATE INDEX money_day ON money (institution, day);

CREATE TABLE till (
	institution TEXT NOT NULL,
	day         TEXT NOT NULL,
	counts      TEXT NOT NULL,             -- "CASH=100/100 …": expected and counted, fen
	reason      TEXT NOT NULL,
	PRIMARY KEY (institution, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE late (
	position    INTEGER PRIMARY KEY,
	institution TEXT NOT NULL,
	"case"      TEXT NOT NULL,
	event       TEXT NOT NULL,
	type        TEXT NOT NULL,
	occurred_at TEXT NOT NULL,
	recorded_at TEXT NOT NULL,
	actor       TEXT NOT NULL,
	reason      TEXT NOT NULL
) STRICT;
CREATE INDEX late_recorded ON late (institution, recorded_at);

-- People whose data was erased: what is still said of them is not taken in.
CREATE TABLE forgotten (person TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
