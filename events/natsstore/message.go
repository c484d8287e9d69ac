package natsstore

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"shenzhong/events"
)

// One append is one message. Its sequence and the event's index inside it make
// the position; one more bit says whether the event is the append's last, so
// that a revision in the middle of an append never passes for the stream's end.
// events.MaxAppend fits the eight bits.

const maxSequence = 1<<54 - 1 // so that a position fits SQLite's integer

func position(seq uint64, index int) events.Position { return events.Position(seq<<8 | uint64(index)) }

func sequence(p events.Position) uint64 { return uint64(p) >> 8 }

func revision(p events.Position, last bool) events.Revision {
	r := events.Revision(p) << 1
	if last {
		r |= 1
	}
	return r
}

func positionOf(r events.Revision) events.Position { return events.Position(r >> 1) }

// expectedSequence is what the server must find as the subject's last message.
// ok is false for a revision inside an append, which no stream ever ends at.
func expectedSequence(r events.Revision) (seq uint64, ok bool) {
	return sequence(positionOf(r)), r == events.NoStream || r&1 == 1
}

// subject is the stream's own subject. Only the first dash becomes a dot: the
// id keeps its dashes and dots.
func subject(prefix string, st events.Stream) string { return prefix + st.Category() + "." + st.ID() }

func streamOf(prefix, subject string) (events.Stream, error) {
	rest, ok := strings.CutPrefix(subject, prefix)
	cat, id, ok2 := strings.Cut(rest, ".")
	if st := events.Stream(cat + "-" + id); ok && ok2 && st.Check() == nil {
		return st, nil
	}
	return "", fmt.Errorf("natsstore: %q is not the subject of an event stream", subject)
}

const (
	specVersion = "1.0"
	source      = "shenzhong"
	jsonType    = "application/json"
	batchType   = "application/cloudevents-batch+json"

	maxHeader = 32 << 10 // the server refuses headers beyond 64 KiB

	contentType  = "content-type"
	expectHeader = "Nats-Expected-Last-Subject-Sequence"
)

// cloudEvent is one event of a batch in CloudEvents' JSON format. Data keeps
// the very bytes it was given: the audit log hashes them.
type cloudEvent struct {
	SpecVersion     string         `json:"specversion"`
	ID              string         `json:"id"`
	Source          string         `json:"source"`
	Type            string         `json:"type"`
	Subject         string         `json:"subject"`
	Time            string         `json:"time,omitzero"`
	DataContentType string         `json:"datacontenttype,omitzero"`
	Actor           string         `json:"actor,omitzero"`
	Command         string         `json:"command,omitzero"`
	Correlation     string         `json:"correlation,omitzero"`
	Causation       string         `json:"causation,omitzero"`
	LateReason      string         `json:"latereason,omitzero"`
	Estimated       bool           `json:"estimated,omitzero"`
	Data            jsontext.Value `json:"-"`
}

func envelope(st events.Stream, e events.New) cloudEvent {
	c := cloudEvent{SpecVersion: specVersion, ID: e.ID.String(), Source: source, Type: e.Type, Subject: string(st), DataContentType: jsonType,
		Actor: e.Meta.Actor, Command: idText(e.Meta.Command), Correlation: idText(e.Meta.Correlation), Causation: idText(e.Meta.Causation),
		LateReason: e.Meta.LateReason, Estimated: e.Meta.Estimated}
	if !e.Occurred.IsZero() {
		c.Time = e.Occurred.UTC().Format(time.RFC3339Nano)
	}
	return c
}

func (c cloudEvent) event() (e events.New, st events.Stream, err error) {
	e = events.New{Type: c.Type, Data: c.Data, Meta: events.Meta{Actor: c.Actor, LateReason: c.LateReason, Estimated: c.Estimated}}
	if c.SpecVersion != specVersion || c.Type == "" {
		return e, "", fmt.Errorf("not a CloudEvent %s: specversion %q, type %q", specVersion, c.SpecVersion, c.Type)
	}
	if e.ID, err = uuid.Parse(c.ID); err != nil {
		return e, "", fmt.Errorf("id %q: %w", c.ID, err)
	}
	for _, f := range []struct {
		text string
		id   *uuid.UUID
	}{{c.Command, &e.Meta.Command}, {c.Correlation, &e.Meta.Correlation}, {c.Causation, &e.Meta.Causation}} {
		if f.text == "" {
			continue
		}
		if *f.id, err = uuid.Parse(f.text); err != nil {
			return e, "", fmt.Errorf("%q: %w", f.text, err)
		}
	}
	if c.Time != "" {
		if e.Occurred, err = time.Parse(time.RFC3339Nano, c.Time); err != nil {
			return e, "", fmt.Errorf("time: %w", err)
		}
		e.Occurred = e.Occurred.UTC()
	}
	return e, events.Stream(c.Subject), nil
}

// message is the append as it goes on the wire: CloudEvents binary mode for
// one event, a batch for several.
func message(prefix string, st events.Stream, expected uint64, es []events.New) (*nats.Msg, error) {
	for _, e := range es {
		if y := e.Occurred.UTC().Year(); y < 1 || y > 9999 {
			return nil, fmt.Errorf("natsstore: append to %s: an event of the year %d cannot be written", st, y)
		}
	}
	m := &nats.Msg{Subject: subject(prefix, st), Header: make(nats.Header, 16)}
	m.Header[expectHeader] = []string{strconv.FormatUint(expected, 10)}
	if len(es) == 1 {
		size := 0
		for k, v := range envelope(st, es[0]).attributes {
			v = percentEncode(v)
			m.Header["ce-"+k] = []string{v}
			size += len(v)
		}
		if size <= maxHeader {
			m.Data = es[0].Data
			return m, nil
		}
		m.Header = nats.Header{expectHeader: m.Header[expectHeader]} // a very long reason: a batch of one carries it
	}
	m.Header[contentType] = []string{batchType}
	b := []byte{'['}
	for i, e := range es {
		if i > 0 {
			b = append(b, ',')
		}
		head, err := json.Marshal(envelope(st, e))
		if err != nil {
			return nil, fmt.Errorf("natsstore: append to %s: %w", st, err)
		}
		b = append(b, head[:len(head)-1]...)
		if v := jsontext.Value(e.Data); v.IsValid() && !blank(e.Data[0]) && !blank(e.Data[len(e.Data)-1]) {
			b = append(append(b, `,"data":`...), e.Data...)
		} else { // bytes that a JSON document cannot carry as they are
			b = append(b, `,"data_base64":"`...)
			b = append(base64.StdEncoding.AppendEncode(b, e.Data), '"')
		}
		b = append(b, '}')
	}
	m.Data = append(b, ']')
	return m, nil
}

func blank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// attributes yields what becomes a header, by name without the prefix.
func (c cloudEvent) attributes(yield func(k, v string) bool) {
	for _, a := range [...][2]string{{"specversion", c.SpecVersion}, {"id", c.ID}, {"source", c.Source}, {"type", c.Type}, {"subject", c.Subject},
		{"time", c.Time}, {"datacontenttype", c.DataContentType}, {"actor", c.Actor}, {"command", c.Command},
		{"correlation", c.Correlation}, {"causation", c.Causation}, {"latereason", c.LateReason}} {
		if a[1] != "" && !yield(a[0], a[1]) {
			return
		}
	}
	if c.Estimated {
		yield("estimated", "true")
	}
}

// decode turns a stored message back into its events.
func decode(prefix, subject string, h nats.Header, data []byte, seq uint64, at time.Time) ([]events.Recorded, error) {
	st, err := streamOf(prefix, subject)
	if err != nil {
		return nil, err
	}
	bad := func(err error) ([]events.Recorded, error) {
		return nil, fmt.Errorf("natsstore: message %d of %s: %w", seq, st, err)
	}
	at = at.UTC()
	if first(h, contentType) != batchType {
		get := func(k string) string { return percentDecode(first(h, k)) }
		c := cloudEvent{SpecVersion: get("ce-specversion"), ID: get("ce-id"), Type: get("ce-type"), Subject: get("ce-subject"), Time: get("ce-time"),
			Actor: get("ce-actor"), Command: get("ce-command"), Correlation: get("ce-correlation"), Causation: get("ce-causation"),
			LateReason: get("ce-latereason"), Estimated: get("ce-estimated") == "true", Data: data}
		e, of, err := c.event()
		if err != nil {
			return bad(err)
		}
		if of != st {
			return bad(fmt.Errorf("says it belongs to %s", of))
		}
		p := position(seq, 0)
		return []events.Recorded{{New: e, Stream: st, Revision: revision(p, true), Position: p, At: at}}, nil
	}
	var batch []struct {
		cloudEvent
		Data       jsontext.Value `json:"data,omitzero"`
		DataBase64 []byte         `json:"data_base64,omitzero"`
	}
	if err := json.Unmarshal(data, &batch); err != nil {
		return bad(err)
	}
	if len(batch) == 0 || len(batch) > events.MaxAppend {
		return bad(fmt.Errorf("a batch of %d events", len(batch)))
	}
	out := make([]events.Recorded, len(batch))
	for i, c := range batch {
		if c.cloudEvent.Data = c.Data; c.Data == nil {
			c.cloudEvent.Data = c.DataBase64
		}
		e, of, err := c.event()
		if err != nil {
			return bad(fmt.Errorf("event %d: %w", i, err))
		}
		if of != st {
			return bad(fmt.Errorf("event %d says it belongs to %s", i, of))
		}
		p := position(seq, i)
		out[i] = events.Recorded{New: e, Stream: st, Revision: revision(p, i == len(batch)-1), Position: p, At: at}
	}
	return out, nil
}

func first(h nats.Header, k string) string {
	if v := h[k]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func idText(id uuid.UUID) string {
	if id == uuid.Nil {
		return ""
	}
	return id.String()
}

// percentEncode writes a header value as CloudEvents' bindings ask: printable
// ASCII as it is, everything else, space, quote and percent as %XX of UTF-8.
func percentEncode(s string) string {
	plain := func(c byte) bool { return c > ' ' && c < 0x7f && c != '"' && c != '%' }
	i := 0
	for i < len(s) && plain(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; plain(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func percentDecode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
