-- No name, number or address of anybody is in these tables, nor a reference to
-- a person: a place is told by its number, a right by that of its contract.

CREATE TABLE cemetery (
	code       TEXT    PRIMARY KEY,
	name_zh    TEXT    NOT NULL,
	name_en    TEXT    NOT NULL,
	class      TEXT    NOT NULL,
	division   TEXT    NOT NULL,
	serves     TEXT    NOT NULL,          -- divisions, with blanks between
	founded_on TEXT    NOT NULL,
	limits     TEXT    NOT NULL           -- JSON, as on the event
) STRICT;

-- What the plot's own stream comes to.
CREATE TABLE place (
	cemetery  TEXT    NOT NULL,
	plot      TEXT    NOT NULL,
	garden    TEXT    NOT NULL,
	section   TEXT    NOT NULL,
	row       TEXT    NOT NULL,
	seat      TEXT    NOT NULL,
	kind      TEXT    NOT NULL,
	eco_type  TEXT    NOT NULL,
	capacity  INTEGER NOT NULL,           -- 0: nobody surveyed it
	area_cm2  INTEGER NOT NULL,
	stone_cm  INTEGER NOT NULL,
	width_cm  INTEGER NOT NULL,
	depth_cm  INTEGER NOT NULL,
	lon_e7    INTEGER NOT NULL,
	lat_e7    INTEGER NOT NULL,
	"right"   TEXT    NOT NULL,
	until     TEXT    NOT NULL,           -- last day of the right's period
	given     INTEGER NOT NULL,           -- persons who have a place in it
	resting   INTEGER NOT NULL,
	emptied   INTEGER NOT NULL,           -- positions vacated and not reopened
	held      TEXT    NOT NULL,           -- the round it is kept for
	lapsed    INTEGER NOT NULL,
	exceeded  TEXT    NOT NULL,           -- "E-5=13100/10000", with blanks between
	refused   INTEGER NOT NULL,           -- refusals that were kept
	PRIMARY KEY (cemetery, plot)
) STRICT, WITHOUT ROWID;

CREATE TABLE "right" (
	cemetery     TEXT    NOT NULL,
	"right"      TEXT    NOT NULL,
	plot         TEXT    NOT NULL,
	contract     TEXT    NOT NULL,
	granted_on   TEXT    NOT NULL,
	until        TEXT    NOT NULL,
	upkeep_until TEXT    NOT NULL,
	renewals     INTEGER NOT NULL,
	holder_died  INTEGER NOT NULL,
	status       TEXT    NOT NULL,        -- LIVE, LAPSED, SURRENDERED, ENDED
	grace_months INTEGER NOT NULL,
	transfers    INTEGER NOT NULL,        -- refused
	PRIMARY KEY (cemetery, "right")
) STRICT, WITHOUT ROWID;

-- The notices of the period that runs, by the timetable that was promised.
CREATE TABLE notice (
	cemetery  TEXT    NOT NULL,
	"right"   TEXT    NOT NULL,
	stage     INTEGER NOT NULL,           -- months before (negative) or after the last day
	due_on    TEXT    NOT NULL,
	served_on TEXT    NOT NULL,           -- '' while nobody can prove it
	PRIMARY KEY (cemetery, "right", stage)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_by_day ON notice (cemetery, served_on, due_on);

CREATE TABLE relocation (
	id        TEXT    PRIMARY KEY,
	cemetery  TEXT    NOT NULL,
	plot      TEXT    NOT NULL,
	persons   INTEGER NOT NULL,
	cause     TEXT    NOT NULL,
	to_kind   TEXT    NOT NULL,
	to_place  TEXT    NOT NULL,
	permit    TEXT    NOT NULL,
	from_day  TEXT    NOT NULL,           -- of the window
	until     TEXT    NOT NULL,
	lifted    INTEGER NOT NULL,
	arrived   INTEGER NOT NULL,
	cancelled INTEGER NOT NULL
) STRICT;
CREATE INDEX relocation_by_place ON relocation (cemetery, plot);

-- What a year came to, by the local date of the act; '' where nobody knows it.
CREATE TABLE year (
	cemetery   TEXT    NOT NULL,
	year       TEXT    NOT NULL,
	allocated  INTEGER NOT NULL,          -- persons
	interred   INTEGER NOT NULL,
	reinterred INTEGER NOT NULL,
	left_place INTEGER NOT NULL,          -- persons who were moved out
	given_back INTEGER NOT NULL,          -- places
	renewed    INTEGER NOT NULL,
	late       INTEGER NOT NULL,          -- interments recorded on a later day than the act's
	fee_fen    INTEGER NOT NULL,          -- use fees of new and renewed rights
	upkeep_fen INTEGER NOT NULL,
	PRIMARY KEY (cemetery, year)
) STRICT, WITHOUT ROWID;

-- The rows of price lists that are about places.
CREATE TABLE fee (
	institution TEXT    NOT NULL,
	version     INTEGER NOT NULL,
	n           INTEGER NOT NULL,
	from_day    TEXT    NOT NULL,
	code        TEXT    NOT NULL,
	name_zh     TEXT    NOT NULL,
	name_en     TEXT    NOT NULL,
	category    TEXT    NOT NULL,
	method      TEXT    NOT NULL,
	unit        TEXT    NOT NULL,
	price_fen   INTEGER NOT NULL,
	min_fen     INTEGER NOT NULL,
	max_fen     INTEGER NOT NULL,
	PRIMARY KEY (institution, version, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE price_list (
	institution TEXT    NOT NULL,
	version     INTEGER NOT NULL,
	from_day    TEXT    NOT NULL,
	basis       TEXT    NOT NULL,
	PRIMARY KEY (institution, version)
) STRICT, WITHOUT ROWID;

-- What was asked for and refused for a limit, or because a right is not for sale.
CREATE TABLE refusal (
	cemetery  TEXT    NOT NULL,
	plot      TEXT    NOT NULL,
	refusal   TEXT    NOT NULL,
	on_day    TEXT    NOT NULL,           -- '' where nobody knows it
	code      TEXT    NOT NULL,           -- of the rejection
	rule      TEXT    NOT NULL,
	asked     TEXT    NOT NULL,           -- cm², cm, a day or fen, as the rule has it; '' where nothing was named
	"limit"   TEXT    NOT NULL,
	PRIMARY KEY (cemetery, plot, refusal)
) STRICT, WITHOUT ROWID;

-- The public rounds of a cemetery; what they say is in their own record.
CREATE TABLE round (
	cemetery TEXT    NOT NULL,
	round    TEXT    NOT NULL,
	notice   TEXT    NOT NULL,
	mode     TEXT    NOT NULL,
	closes   TEXT    NOT NULL,            -- RFC 3339
	places   INTEGER NOT NULL,
	applied  INTEGER NOT NULL,
	drawn    INTEGER NOT NULL,
	cancelled INTEGER NOT NULL,
	PRIMARY KEY (cemetery, round)
) STRICT, WITHOUT ROWID;

-- Work orders: damage that somebody reported. Who did, and in which words, is in
-- no row.
CREATE TABLE repair (
	id       TEXT    PRIMARY KEY,
	cemetery TEXT    NOT NULL,
	plot     TEXT    NOT NULL,
	damage   TEXT    NOT NULL,
	reported TEXT    NOT NULL,            -- local day
	due      TEXT    NOT NULL,
	late     INTEGER NOT NULL,
	done     TEXT    NOT NULL,            -- '' while it is not repaired
	refused  TEXT    NOT NULL             -- the reason
) STRICT, WITHOUT ROWID;
CREATE INDEX repair_of ON repair (cemetery, due);
