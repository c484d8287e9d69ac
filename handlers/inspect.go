package handlers

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/oversight"
	"shenzhong/events"
)

// Registered are the credit codes of every institution of the register, sorted.
// It reads the whole log once; a round of inspections is rare enough.
func (a *App) Registered(ctx context.Context) ([]domain.CreditCode, error) {
	var codes []domain.CreditCode
	for b, err := range a.Store.Follow(ctx, 0, 1000) {
		if err != nil {
			return nil, err
		}
		for _, r := range b.Events {
			if strings.HasPrefix(r.Type, "institution.registered.") {
				codes = append(codes, domain.CreditCode(r.Stream.ID()))
			}
		}
		if b.CaughtUp {
			break
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes), nil
}

// Inspect asks a round of inspections for something, with the register and the
// figures that it needs. One stream is written.
func (a *App) Inspect(ctx context.Context, round string, at *events.Revision, cmd oversight.InspectionCommand) (events.Receipt, error) {
	if err := streamID(oversight.InspectionCategory, round); err != nil {
		return events.Receipt{}, err
	}
	switch c := cmd.(type) {
	case oversight.FreezeInspection:
		var err error
		if c.Register, err = a.Registered(ctx); err != nil {
			return events.Receipt{}, err
		}
		cmd = c
	case oversight.RecordInspection:
		_, p, _, err := a.overseen(ctx, c.Institution)
		if err != nil {
			return events.Receipt{}, err
		}
		c.PublishDays = p.Int(institution.InspectionDays)
		cmd = c
	case oversight.PublishInspection:
		_, p, _, err := a.overseen(ctx, c.Institution)
		if err != nil {
			return events.Receipt{}, err
		}
		c.Months = p.Int(institution.InspectionMonths)
		cmd = c
	}
	return to(a.Inspections, round, at).run(ctx, cmd)
}

// An InspectionRecord is everything that recomputing the draw of a round takes,
// and what was published of it. Officers are accounts, never names.
type InspectionRecord struct {
	Inspection   string                          `json:"inspection"`
	Commitment   string                          `json:"commitment"`
	Count        int                             `json:"count"`
	Institutions []domain.CreditCode             `json:"institutions,omitzero"`
	Officers     []string                        `json:"officers,omitzero"`
	Excluded     []oversight.InspectionExclusion `json:"excluded,omitzero"`
	Seed         string                          `json:"seed,omitzero"`
	Salt         string                          `json:"salt,omitzero"`
	Visits       []oversight.InspectionVisit     `json:"visits,omitzero"`
	// Published are the results that are public.
	Published []oversight.InspectionPublished `json:"published,omitzero"`
}

// InspectionRound reads a round of inspections; ErrNotFound where no seed was
// committed to.
func (a *App) InspectionRound(ctx context.Context, round string) (oversight.InspectionState, error) {
	if streamID(oversight.InspectionCategory, round) != nil {
		return oversight.InspectionState{}, ErrNotFound
	}
	s, _, err := a.Inspections.Load(ctx, round)
	if err == nil && s.Committed == nil {
		err = ErrNotFound
	}
	return s, err
}

// Inspection is the record of a round for the public; ErrNotFound where no seed
// was committed to. A result is in it for as long as it is public.
func (a *App) Inspection(ctx context.Context, round string) (InspectionRecord, error) {
	s, err := a.InspectionRound(ctx, round)
	if err != nil {
		return InspectionRecord{}, err
	}
	r := InspectionRecord{Inspection: round, Commitment: s.Committed.Commitment, Count: s.Committed.Count}
	on := domain.DateOf(a.Now())
	for _, p := range s.Published {
		if p.Public(on) {
			r.Published = append(r.Published, p)
		}
	}
	if f := s.Frozen; f != nil {
		r.Institutions, r.Officers, r.Excluded = f.Institutions, f.Officers, f.Excluded
	}
	if d := s.Drawn; d != nil {
		r.Seed, r.Salt, r.Visits = d.Seed, d.Salt, d.Visits
	}
	return r, nil
}

// Differences draws again from the record and names each line that does not
// come out as it was published; none when all of it does.
func (r InspectionRecord) Differences() []DrawDifference {
	visits, _ := oversight.DrawInspection(r.Seed, oversight.InspectionFrozen{Institutions: r.Institutions, Officers: r.Officers, Excluded: r.Excluded}, r.Count)
	lines := func(vs []oversight.InspectionVisit) (ls []string) {
		for _, v := range vs {
			ls = append(ls, string(v.Institution)+" "+v.Officers[0]+" "+v.Officers[1])
		}
		return ls
	}
	return slices.Concat(
		differing("commitment", []string{r.Commitment}, []string{domain.Commitment(r.Seed, r.Salt)}),
		differing("visits", lines(r.Visits), lines(visits)))
}

// Penalise asks a penalty for something, with the register and the figures that
// it needs. One stream is written.
func (a *App) Penalise(ctx context.Context, id uuid.UUID, at *events.Revision, cmd oversight.PenaltyCommand) (events.Receipt, error) {
	s, _, err := a.Penalties.Load(ctx, id.String())
	if err != nil {
		return events.Receipt{}, err
	}
	of := s.Proposed.Institution
	if c, ok := cmd.(oversight.ProposePenalty); ok {
		of = c.Institution
	}
	_, p, known, err := a.overseen(ctx, of)
	if err != nil {
		return events.Receipt{}, err
	}
	switch c := cmd.(type) {
	case oversight.ProposePenalty:
		c.Known, c.Stranger = known, a.Officer != nil && !a.Officer(c.Officers[1])
		cmd = c
	case oversight.NotifyPenalty:
		c.HearDays = p.Int(institution.PenaltyHearingDays)
		cmd = c
	case oversight.DecidePenalty:
		c.PublishDays = p.Int(institution.PenaltyPublishDays)
		cmd = c
	}
	return to(a.Penalties, id.String(), at).run(ctx, cmd)
}

// Penalty reads a penalty; ErrNotFound where there is none.
func (a *App) Penalty(ctx context.Context, id uuid.UUID) (oversight.PenaltyState, events.Revision, error) {
	s, rev, err := a.Penalties.Load(ctx, id.String())
	if err == nil && !s.Exists() {
		err = ErrNotFound
	}
	return s, rev, err
}
