-- How many leaves there are.
CREATE TABLE head (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	size INTEGER NOT NULL
) STRICT;
INSERT INTO head VALUES (1, 0);

-- The hash tiles of C2SP tlog-tiles: up to 256 hashes of 32 bytes. The last one
-- of a level grows until it is full.
CREATE TABLE tile (
	level  INTEGER NOT NULL,
	n      INTEGER NOT NULL,
	hashes BLOB    NOT NULL,
	PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;

-- Whose leaves stand in tile n of level 0: 8 bytes of position and 16 bytes of
-- event id for each.
CREATE TABLE leaves (
	n         INTEGER PRIMARY KEY,
	first     INTEGER NOT NULL, -- position of the first
	positions BLOB    NOT NULL,
	ids       BLOB    NOT NULL
) STRICT;
CREATE INDEX leaves_by_first ON leaves (first);

-- Where an event id is found once 65,536 leaves (a segment) are full: by the
-- id's last byte, 8 bytes of the id and 2 bytes of place within the segment.
CREATE TABLE bucket (
	segment INTEGER NOT NULL,
	bucket  INTEGER NOT NULL,
	entries BLOB    NOT NULL,
	PRIMARY KEY (segment, bucket)
) STRICT, WITHOUT ROWID;
