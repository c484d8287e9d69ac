package main

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"shenzhong/events"
)

// exportCmd writes out what is stored.
type exportCmd struct {
	cityFlags
	Log   exportLogCmd   `cmd:"" help:"The raw log: one CloudEvent (JSON) a line, with its position."`
	Audit exportAuditCmd `cmd:"" help:"An audit pack: events, proofs, signed checkpoint and keys in one file, to be checked offline."`
}

// exportLogCmd writes the raw log as NDJSON, for anyone who wants to recount by
// himself. Personal data stays sealed.
type exportLogCmd struct {
	After uint64 `placeholder:"POSITION" help:"Begin after this position."`
}

// A logLine is one event in the JSON format of CloudEvents 1.0, with this
// program's extension attributes. The names of extensions have no underscores
// because the standard allows none.
type logLine struct {
	SpecVersion     string         `json:"specversion"`
	ID              uuid.UUID      `json:"id"`
	Source          string         `json:"source"`
	Type            string         `json:"type"`
	Subject         events.Stream  `json:"subject"`
	Time            string         `json:"time,omitzero"` // when it happened; absent when nobody knows
	DataContentType string         `json:"datacontenttype"`
	Position        string         `json:"position"` // a 64-bit number, which JSON's numbers may not hold
	Revision        string         `json:"revision"`
	RecordedAt      string         `json:"recordedat"`
	Actor           string         `json:"actor,omitzero"`
	Command         string         `json:"command,omitzero"`
	Correlation     string         `json:"correlation,omitzero"`
	Causation       string         `json:"causation,omitzero"`
	LateReason      string         `json:"latereason,omitzero"`
	Estimated       bool           `json:"estimated,omitzero"`
	Data            jsontext.Value `json:"data"`
}

func lineOf(r events.Recorded) logLine {
	id := func(u uuid.UUID) string {
		if u == uuid.Nil {
			return ""
		}
		return u.String()
	}
	instant := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339Nano)
	}
	return logLine{SpecVersion: "1.0", ID: r.ID, Source: "shenzhong", Type: r.Type, Subject: r.Stream, Time: instant(r.Occurred), DataContentType: "application/json",
		Position: fmt.Sprint(uint64(r.Position)), Revision: fmt.Sprint(uint64(r.Revision)), RecordedAt: instant(r.At),
		Actor: r.Meta.Actor, Command: id(r.Meta.Command), Correlation: id(r.Meta.Correlation), Causation: id(r.Meta.Causation),
		LateReason: r.Meta.LateReason, Estimated: r.Meta.Estimated, Data: jsontext.Value(r.Data)}
}

func (c *exportLogCmd) Run(ctx context.Context, con *console, in *exportCmd) error {
	city, err := in.open(ctx, con)
	if err != nil {
		return err
	}
	defer city.close()
	w := bufio.NewWriterSize(con.out, 1<<20)
	for r, err := range city.raw(ctx, events.Position(c.After)) {
		if err != nil {
			return err
		}
		b, err := json.Marshal(lineOf(r))
		if err != nil {
			return err
		}
		w.Write(b)
		if err := w.WriteByte('\n'); err != nil {
			return err
		}
	}
	return w.Flush()
}

// raw yields the log after a position up to where it ends now, past the index
// where the store has one.
func (c *city) raw(ctx context.Context, after events.Position) iter.Seq2[events.Recorded, error] {
	if c.nats != nil && !c.flags.esdb() {
		return c.nats.Raw(ctx, after)
	}
	return func(yield func(events.Recorded, error) bool) {
		for b, err := range c.store.Follow(ctx, after, 1000) {
			if err != nil {
				yield(events.Recorded{}, err)
				return
			}
			for _, r := range b.Events {
				if !yield(r, nil) {
					return
				}
			}
			if b.CaughtUp {
				return
			}
		}
	}
}
