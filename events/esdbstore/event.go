package esdbstore

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	pb "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"shenzhong/events"
)

// attributes are an event's CloudEvents attributes in JSON, kept as the custom
// metadata. The server keeps id, type and time of recording once more by
// itself; they are repeated so that the metadata alone, with the data, is a
// CloudEvent.
type attributes struct {
	SpecVersion     string    `json:"specversion"`
	ID              uuid.UUID `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject"`
	Time            time.Time `json:"time,omitzero"` // when it happened; absent when nobody knows
	DataContentType string    `json:"datacontenttype"`
	Actor           string    `json:"actor,omitzero"`
	Command         uuid.UUID `json:"command,omitzero"`
	Correlation     uuid.UUID `json:"correlation,omitzero"`
	Causation       uuid.UUID `json:"causation,omitzero"`
	LateReason      string    `json:"latereason,omitzero"`
	Estimated       bool      `json:"estimated,omitzero"`
}

const contentType = "application/json"

// propose turns an event into what the server is sent.
func (s *Store) propose(st events.Stream, e events.New) (*pb.AppendReq, error) {
	a := attributes{
		SpecVersion: "1.0", ID: e.ID, Source: s.source, Type: e.Type, Subject: string(st), DataContentType: contentType,
		Actor: e.Meta.Actor, Command: e.Meta.Command, Correlation: e.Meta.Correlation, Causation: e.Meta.Causation,
		LateReason: e.Meta.LateReason, Estimated: e.Meta.Estimated,
	}
	if !e.Occurred.IsZero() {
		a.Time = e.Occurred.UTC()
	}
	meta, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return &pb.AppendReq{Content: &pb.AppendReq_ProposedMessage_{ProposedMessage: &pb.AppendReq_ProposedMessage{
		Id:             &shared.UUID{Value: &shared.UUID_String_{String_: e.ID.String()}},
		Metadata:       map[string]string{"type": e.Type, "content-type": contentType},
		CustomMetadata: meta,
		Data:           e.Data,
	}}}, nil
}

// recorded turns what the server sends into an event. ours is false for an
// event outside the store's streams. Events that were written into our streams
// by another hand and cannot be read are an error, never passed over.
func (s *Store) recorded(e *pb.ReadResp_ReadEvent_RecordedEvent) (r events.Recorded, ours bool, err error) {
	name, ok := strings.CutPrefix(string(e.GetStreamIdentifier().GetStreamName()), s.prefix)
	r.Stream = events.Stream(name)
	if !ok || r.Stream.Check() != nil {
		return r, false, nil
	}
	bad := func(what string, err error) (events.Recorded, bool, error) {
		return r, true, fmt.Errorf("event %d of %s: %s: %w", e.GetStreamRevision(), r.Stream, what, err)
	}
	// One token for both is right only as long as they are equal, as they are
	// for everything that today's servers write.
	if e.GetCommitPosition() != e.GetPreparePosition() {
		return bad("position", fmt.Errorf("commit %d and prepare %d differ", e.GetCommitPosition(), e.GetPreparePosition()))
	}
	r.Revision, r.Position = events.Revision(e.GetStreamRevision()+1), events.Position(e.GetCommitPosition())
	if u := e.GetId().GetStructured(); u != nil {
		binary.BigEndian.PutUint64(r.ID[:8], uint64(u.GetMostSignificantBits()))
		binary.BigEndian.PutUint64(r.ID[8:], uint64(u.GetLeastSignificantBits()))
	} else if r.ID, err = uuid.Parse(e.GetId().GetString_()); err != nil {
		return bad("id", err)
	}
	r.Type, r.Data = e.GetMetadata()["type"], e.GetData()
	if created := e.GetMetadata()["created"]; created != "" { // ticks of 100 ns since 1970
		ticks, err := strconv.ParseInt(created, 10, 64)
		if err != nil {
			return bad("created", err)
		}
		const second = int64(time.Second / 100)
		r.At = time.Unix(ticks/second, ticks%second*100).UTC()
	}
	if len(e.GetCustomMetadata()) == 0 {
		return r, true, nil
	}
	var a attributes
	if err := json.Unmarshal(e.GetCustomMetadata(), &a); err != nil {
		return bad("metadata", err)
	}
	if !a.Time.IsZero() {
		r.Occurred = a.Time.UTC()
	}
	r.Meta = events.Meta{Actor: a.Actor, Command: a.Command, Correlation: a.Correlation, Causation: a.Causation,
		LateReason: a.LateReason, Estimated: a.Estimated}
	return r, true, nil
}
