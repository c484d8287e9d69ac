package natsstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"shenzhong/events"
)

// A Difference is a place where the log and the index do not agree, or where
// the log does not give what it must have.
type Difference struct {
	Position events.Position
	What     string
}

func (d *Difference) Error() string {
	return fmt.Sprintf("natsstore: at position %d (message %d): %s", d.Position, sequence(d.Position), d.What)
}

// A Report is what Verify found.
type Report struct {
	Messages, Events uint64 // read from the log
	Differences      uint64
	Unreadable       uint64      // messages that the log does not give, among the differences
	First            *Difference // nil when there is none
	Keys             uint64      // persons' keys read
}

func (r *Report) differs(p events.Position, format string, args ...any) {
	if r.Differences++; r.First == nil || p < r.First.Position {
		r.First = &Difference{p, fmt.Sprintf(format, args...)}
	}
}

// Verify reads every message of the log itself and compares it with the index,
// row by row; then it reads every person's key. The error holds the first
// *Difference and a *KeysError, if there are any, or says why the comparison did
// not end. Progress, if set, is told how many of how many
// messages were read. With the embedded server the files of the log are checked
// first, past what the server has in memory; any server checks each message's
// checksum as it reads.
func (s *Store) Verify(ctx context.Context, progress func(done, total uint64)) (Report, error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("natsstore: verify: %w", err)
	}
	last := info.State.LastSeq
	if applied, _ := s.index.at(); applied > last {
		return Report{}, &LossError{Index: position(applied, 0), Log: position(last, 0)}
	}
	if err := s.index.wait(ctx, last, s.closed); err != nil {
		return Report{}, fmt.Errorf("natsstore: verify: the index does not catch up: %w", err)
	}
	if s.srv != nil {
		found, err := checkFiles(ctx, s.srv.JetStreamConfig().StoreDir, s.cfg.Name, last)
		if err != nil {
			return Report{}, fmt.Errorf("natsstore: verify: %w", err)
		}
		if found != nil {
			n, errKeys := s.keys.verify(ctx)
			return Report{Differences: 1, Unreadable: 1, First: found, Keys: n}, errors.Join(found, errKeys)
		}
	}
	rep, err := s.compare(ctx, 1, last, progress)
	if err != nil {
		return rep, fmt.Errorf("natsstore: verify: %w", err)
	}
	n, errKeys := s.keys.verify(ctx)
	rep.Keys = n
	if n := uint64(info.State.NumDeleted); rep.Differences == 0 && n > 0 {
		rep.differs(0, "the log counts %d messages as deleted", n)
	}
	if rep.First != nil {
		return rep, errors.Join(rep.First, errKeys)
	}
	return rep, errKeys
}

// compare holds the messages from..to of the log against the index.
func (s *Store) compare(ctx context.Context, from, to uint64, progress func(done, total uint64)) (Report, error) {
	var rep Report
	if to < from {
		return rep, nil
	}
	rows := s.index.between(ctx, from, to)
	next, stop := iter.Pull2(rows)
	defer stop()
	row, err, more := next()
	var have, want []byte
	told := uint64(0)
	for m, errLog := range s.messages(ctx, from, to) {
		if errLog != nil {
			return rep, errLog
		}
		rep.Messages += m.last - m.seq + 1
		if m.err != nil {
			rep.Unreadable += m.last - m.seq + 1
			rep.differs(position(m.seq, 0), "%v", m.err)
		}
		for _, e := range m.events {
			rep.Events++
			for more && err == nil && row.Position < e.Position {
				rep.differs(row.Position, "the index has an event of %s that the log has not", row.Stream)
				row, err, more = next()
			}
			switch have, want = appendRow(have[:0], row), appendRow(want[:0], e); {
			case err != nil:
			case !more || row.Position > e.Position:
				rep.differs(e.Position, "the index lacks an event of %s", e.Stream)
				continue
			case !bytes.Equal(have, want):
				rep.differs(e.Position, "%s differs: %s", e.Stream, difference(e, row))
			}
			if err == nil {
				row, err, more = next()
			}
		}
		if err != nil {
			return rep, err
		}
		for m.err != nil && more && err == nil && sequence(row.Position) <= m.last { // said already: the log does not give it
			row, err, more = next()
		}
		if progress != nil && rep.Messages >= told+10000 {
			told = rep.Messages
			progress(told, to-from+1)
		}
	}
	for ; more && err == nil; row, err, more = next() {
		rep.differs(row.Position, "the index has an event of %s that the log has not", row.Stream)
	}
	if progress != nil {
		progress(rep.Messages, to-from+1)
	}
	return rep, err
}

// difference names the first field in which the log and the index disagree. It
// prints no contents: they may be personal.
func difference(log, row events.Recorded) string {
	for _, f := range []struct {
		name string
		same bool
	}{
		{"the stream", log.Stream == row.Stream}, {"the data", bytes.Equal(log.Data, row.Data)}, {"the type", log.Type == row.Type},
		{"the id", log.ID == row.ID}, {"when it was recorded", log.At.Equal(row.At)}, {"when it happened", log.Occurred.Equal(row.Occurred)},
		{"the actor", log.Meta.Actor == row.Meta.Actor}, {"the command", log.Meta.Command == row.Meta.Command},
	} {
		if !f.same {
			return f.name
		}
	}
	return "why it happened, or its place in the append"
}

// between yields the index's rows of the messages from..to, one by one, so that
// a row which is damaged has its position and nothing else.
func (x *index) between(ctx context.Context, from, to uint64) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		fail := func(err error) { yield(events.Recorded{}, err) }
		in := interned{}
		const chunk = 2000
		after := int64(position(from, 0)) - 1
		for more := true; more; {
			rows, err := x.each.QueryContext(ctx, after, chunk)
			if err != nil {
				fail(err)
				return
			}
			var rs []events.Recorded // all before they are looked at: nothing is open meanwhile
			for rows.Next() {
				var row []byte
				if err := rows.Scan(&after, &row); err != nil {
					fail(errors.Join(err, rows.Close()))
					return
				}
				r, rest, err := parseRow(row, in)
				if err != nil || len(rest) > 0 || r.Position != events.Position(after) {
					r = events.Recorded{Position: events.Position(after)}
				}
				rs = append(rs, r)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				fail(err)
				return
			}
			for _, r := range rs {
				if sequence(r.Position) > to || !yield(r, nil) {
					return
				}
			}
			more = len(rs) == chunk
		}
	}
}

// messages yields every message from..to of the log itself, those that the log
// does not give with their error.
func (s *Store) messages(ctx context.Context, from, to uint64) iter.Seq2[logMessage, error] {
	return func(yield func(logMessage, error) bool) {
		for next := from; next <= to; {
			r, err := s.readLog(ctx, next)
			if err != nil {
				yield(logMessage{}, err)
				return
			}
			ok := r.upTo(ctx, to, yield)
			next = r.next
			r.close()
			if !ok {
				return
			}
		}
	}
}

// upTo yields until the message to or, where the consumer hangs, what can be
// said of that place; then its caller begins anew behind it.
func (r *logReader) upTo(ctx context.Context, to uint64, yield func(logMessage, error) bool) bool {
	for r.next <= to {
		ms, err := r.batch(ctx, readAhead, time.Second)
		if errors.Is(err, errIdle) {
			ms, err := r.s.unread(ctx, r.next, to)
			if err != nil {
				yield(logMessage{}, err)
				return false
			}
			for _, m := range ms {
				r.next = m.last + 1
				if !yield(m, nil) {
					return false
				}
			}
			return true
		}
		if err != nil {
			yield(logMessage{}, err)
			return false
		}
		for _, m := range ms {
			if m.seq > to {
				return true
			}
			m.last = min(m.last, to)
			if !yield(m, nil) {
				return false
			}
		}
	}
	return true
}

// Raw yields the events after the position from the log itself, past the
// index, up to where the log ends when it is called: for exports, and for
// anyone who wants to count again.
func (s *Store) Raw(ctx context.Context, after events.Position) iter.Seq2[events.Recorded, error] {
	return func(yield func(events.Recorded, error) bool) {
		info, err := s.stream.Info(ctx)
		if err != nil {
			yield(events.Recorded{}, fmt.Errorf("natsstore: read the log: %w", err))
			return
		}
		for m, err := range s.messages(ctx, max(1, sequence(after)), info.State.LastSeq) {
			if err == nil && m.err != nil {
				err = &Difference{position(m.seq, 0), m.err.Error()}
			}
			if err != nil {
				yield(events.Recorded{}, err)
				return
			}
			for _, e := range m.events {
				if e.Position > after && !yield(e, nil) {
					return
				}
			}
		}
	}
}
