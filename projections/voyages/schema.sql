-- Every sea-burial voyage, without its passengers.
CREATE TABLE voyage (
	number      TEXT    PRIMARY KEY,
	operator    TEXT    NOT NULL,
	vessel      TEXT    NOT NULL,
	sea_area    TEXT    NOT NULL,
	pier        TEXT    NOT NULL,
	division    TEXT    NOT NULL,
	departs     TEXT    NOT NULL,          -- UTC
	seats       INTEGER NOT NULL,
	state       TEXT    NOT NULL,          -- open, cancelled, departed, ended
	reason      TEXT    NOT NULL,          -- of a cancellation
	aboard      INTEGER NOT NULL,          -- sets of ashes on the manifest
	scattered   INTEGER NOT NULL,
	brought_back INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX voyage_by_day ON voyage (departs);
CREATE INDEX voyage_of ON voyage (operator, departs);

-- Seats that are taken, offers among them.
CREATE TABLE booking (
	voyage TEXT    NOT NULL,
	burial TEXT    NOT NULL,
	seats  INTEGER NOT NULL,
	PRIMARY KEY (voyage, burial)
) STRICT, WITHOUT ROWID;

-- Who operates.
CREATE TABLE operator (
	code     TEXT PRIMARY KEY,
	name_zh  TEXT NOT NULL,
	name_en  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
