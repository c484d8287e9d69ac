package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/institution"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/handlers"
)

type moveBody struct {
	Happened
	Resource string    `json:"resource" maxLength:"32" doc:"Of the slot that the case has."`
	Start    time.Time `json:"start"`
	To       moveTo    `json:"to"`
}

type moveTo struct {
	Resource string    `json:"resource,omitzero" maxLength:"32" doc:"Left out: the same."`
	Start    time.Time `json:"start"`
	Minutes  int       `json:"minutes,omitzero" minimum:"0" maximum:"1440" doc:"Left out: as long as the slot it has."`
	Item     string    `json:"item,omitzero" maxLength:"40" doc:"Code of the service that it is for."`
}

type waitBody struct {
	Happened
	Kind          string `json:"kind" enum:"hall,furnace,cold_bay,vehicle"`
	Date          string `json:"date" format:"date"`
	Resource      string `json:"resource,omitzero" maxLength:"32" doc:"The only one that will do; left out: any of the kind."`
	From          string `json:"from,omitzero" maxLength:"5" doc:"Earliest start." example:"08:00"`
	Until         string `json:"until,omitzero" maxLength:"5" doc:"Latest start."`
	Item          string `json:"item,omitzero" maxLength:"40" doc:"Code of the service: the slot is long enough for it."`
	Minutes       int    `json:"minutes,omitzero" minimum:"0" maximum:"1440" doc:"How long it must be; left out: as long as the item takes."`
	NoticeMinutes int    `json:"notice_minutes,omitzero" minimum:"0" maximum:"10080" doc:"How long before the start the family must know."`
}

type offerAnswerBody struct {
	Happened
	Kind   string `json:"kind" enum:"hall,furnace,cold_bay,vehicle"`
	Date   string `json:"date" format:"date"`
	Accept bool   `json:"accept"`
}

type leaveBody struct {
	Happened
	Kind   string `json:"kind" enum:"hall,furnace,cold_bay,vehicle"`
	Date   string `json:"date" format:"date"`
	Reason string `json:"reason" enum:"WITHDRAWN,PLACED_ELSEWHERE,CASE_CANCELLED,DAY_PASSED,ENTRY_ERROR"`
}

type announceBody struct {
	Happened
	Kind       string    `json:"kind" enum:"hall,furnace,cold_bay,vehicle"`
	Date       string    `json:"date" format:"date"`
	Item       string    `json:"item,omitzero" maxLength:"40" doc:"Code of the service that the slots are for; left out: one step of each resource's grid."`
	Minutes    int       `json:"minutes,omitzero" minimum:"0" maximum:"1440" doc:"Length of a slot; left out: as long as the item takes."`
	Commitment string    `json:"commitment" minLength:"64" maxLength:"64" doc:"SHA-256 of seed and salt, as 64 hex digits: printf '%s%s' \"$SEED\" \"$SALT\" | sha256sum"`
	Closes     time.Time `json:"closes" doc:"When applications end."`
}

type applyBody struct {
	Happened
	Kind   string   `json:"kind" enum:"hall,furnace,cold_bay,vehicle"`
	Date   string   `json:"date" format:"date"`
	Wishes []string `json:"wishes" maxItems:"200" nullable:"false" doc:"Slots by name, the dearest first; none takes the application back." example:"[\"hall-1/0930\"]"`
}

type drawBody struct {
	Happened
	Seed string `json:"seed" minLength:"64" maxLength:"64" doc:"64 hex digits."`
	Salt string `json:"salt" minLength:"64" maxLength:"64" doc:"64 hex digits."`
}

// TermsView says what changing each slot of a case means for the bill.
type TermsView struct {
	Slots []SlotTerms `json:"slots" nullable:"false"`
}

// SlotTerms are those of one slot.
type SlotTerms struct {
	SlotView
	FreeUntil time.Time `json:"free_until" doc:"Until then moving it or giving it back costs nothing."`
	Free      bool      `json:"free" doc:"That is so now."`
}

// WaitingView is a waiting list.
type WaitingView struct {
	Waiting []WaiterView `json:"waiting" nullable:"false" doc:"The first to be asked first."`
	Gone    []GoneView   `json:"gone" nullable:"false"`
}

// WaiterView is one case that waits.
type WaiterView struct {
	Case   string        `json:"case"`
	Place  int           `json:"place" doc:"1 for the next one."`
	Wish   schedule.Wish `json:"wish"`
	Offer  *OfferView    `json:"offer,omitzero"`
	Passed []PassedView  `json:"passed" nullable:"false" doc:"Slots that passed by, each with its reason."`
}

// OfferView is an offer that waits for its answer.
type OfferView struct {
	Resource string    `json:"resource"`
	Slot     string    `json:"slot"`
	Start    time.Time `json:"start"`
	End      time.Time `json:"end"`
	Until    time.Time `json:"until"`
}

// PassedView is a slot that passed by a waiting family.
type PassedView struct {
	Slot   string `json:"slot"`
	Reason string `json:"reason"`
}

// GoneView is a case that left the list.
type GoneView struct {
	Case   string `json:"case"`
	Reason string `json:"reason"`
	Slot   string `json:"slot,omitzero"`
}

type ofPeak[B any] struct {
	Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code."`
	Kind        string `path:"kind" enum:"hall,furnace,cold_bay,vehicle"`
	Date        string `path:"date" format:"date"`
	Write[B]
}

type byPeak struct {
	Institution string `path:"institution" maxLength:"60" doc:"Key of the institution: its credit code."`
	Kind        string `path:"kind" enum:"hall,furnace,cold_bay,vehicle"`
	Date        string `path:"date" format:"date"`
}

func (a *API) schedule(h huma.API) {
	onCase(a, h, "move_slot", "/slot-moves", "Give a case another slot for one that it has", func(ctx context.Context, q *request, id uuid.UUID, b moveBody) (events.Receipt, error) {
		return a.app.MoveSlot(ctx, handlers.MoveSlot{Act: q.Act, Case: id, Resource: b.Resource, Start: b.Start,
			Want: handlers.Want{Resource: b.To.Resource, Start: b.To.Start, Minutes: b.To.Minutes, Item: b.To.Item}})
	})
	get(h, "get_change_terms", "/cases/{case}/change-terms", "Until when changing a slot is free", func(ctx context.Context, at func(string) error, in *byCase) (TermsView, events.Revision, error) {
		_, s, rev, err := a.caseOf(ctx, at, in.Case)
		v := TermsView{Slots: []SlotTerms{}}
		if err != nil {
			return v, 0, err
		}
		for _, x := range s.Slots {
			t, err := a.app.TermsOf(ctx, s.Institution, x.Start, a.app.Now())
			if err != nil {
				return v, 0, err
			}
			v.Slots = append(v.Slots, SlotTerms{SlotView{x.Resource, x.Kind, string(x.Day), x.Slot, x.Start, x.End}, t.FreeUntil, t.Free})
		}
		return v, rev, nil
	})
	list := func(q *request, id uuid.UUID, kind, date string) handlers.OnList {
		return handlers.OnList{Act: q.Act, Case: id, Kind: institution.ResourceKind(kind), Day: domain.Date(date)}
	}
	onCase(a, h, "join_waiting", "/waiting", "Wait for a slot to be given back", func(ctx context.Context, q *request, id uuid.UUID, b waitBody) (events.Receipt, error) {
		return a.app.JoinWait(ctx, handlers.JoinWait{Act: q.Act, Case: id, Kind: institution.ResourceKind(b.Kind), Day: domain.Date(b.Date), Item: b.Item,
			Wish: schedule.Wish{Resource: b.Resource, From: domain.Clock(b.From), Until: domain.Clock(b.Until), Minutes: b.Minutes, NoticeMinutes: b.NoticeMinutes}})
	})
	onCase(a, h, "answer_offer", "/waiting-answers", "Answer an offer of the waiting list", func(ctx context.Context, q *request, id uuid.UUID, b offerAnswerBody) (events.Receipt, error) {
		if b.Accept {
			return a.app.AcceptOffer(ctx, list(q, id, b.Kind, b.Date))
		}
		return a.app.DeclineOffer(ctx, list(q, id, b.Kind, b.Date))
	})
	onCase(a, h, "leave_waiting", "/waiting-ends", "Take a case off a waiting list", func(ctx context.Context, q *request, id uuid.UUID, b leaveBody) (events.Receipt, error) {
		return a.app.LeaveWait(ctx, list(q, id, b.Kind, b.Date), schedule.LeaveReason(b.Reason))
	})
	get(h, "get_waiting", "/institutions/{institution}/waiting/{kind}/{date}", "A waiting list", func(ctx context.Context, at func(string) error, in *byPeak) (WaitingView, events.Revision, error) {
		v := WaitingView{Waiting: []WaiterView{}, Gone: []GoneView{}}
		if err := at(in.Institution); err != nil {
			return v, 0, err
		}
		s, rev, err := load(ctx, a.app.Waits, in.peak().Key())
		for i, w := range s.List {
			x := WaiterView{Case: w.Case, Place: i + 1, Wish: w.Wish, Passed: []PassedView{}}
			if o := w.Offer; o != nil {
				x.Offer = &OfferView{o.Resource, o.Slot, o.Start, o.End, o.Until}
			}
			for _, p := range w.Passed {
				x.Passed = append(x.Passed, PassedView{p.Slot, string(p.Reason)})
			}
			v.Waiting = append(v.Waiting, x)
		}
		for _, g := range s.Gone {
			v.Gone = append(v.Gone, GoneView{g.Case, string(g.Reason), g.Slot})
		}
		return v, rev, err
	})

	post(a, h, "announce_draw", "/institutions/{institution}/draws", "Announce the draw of a peak day", func(ctx context.Context, q *request, in *keyed[announceBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		b := in.Body
		p := handlers.Peak{Institution: in.Institution, Kind: institution.ResourceKind(b.Kind), Day: domain.Date(b.Date)}
		rc, err := a.app.AnnouncePeak(ctx, handlers.AnnouncePeak{Act: q.Act, Peak: p, Item: b.Item, Minutes: b.Minutes, Commitment: b.Commitment, Closes: b.Closes, IfMatch: q.IfMatch})
		return done{p.Key(), rc}, err
	})
	onCase(a, h, "apply_draw", "/draw-applications", "Apply to a draw", func(ctx context.Context, q *request, id uuid.UUID, b applyBody) (events.Receipt, error) {
		return a.app.ApplyPeak(ctx, handlers.ApplyPeak{Act: q.Act, Case: id, Kind: institution.ResourceKind(b.Kind), Day: domain.Date(b.Date), Wishes: b.Wishes})
	})
	post(a, h, "draw_slots", "/institutions/{institution}/draws/{kind}/{date}", "Open the seed and draw", func(ctx context.Context, q *request, in *ofPeak[drawBody]) (done, error) {
		if err := q.at(in.Institution); err != nil {
			return done{}, err
		}
		p := handlers.Peak{Institution: in.Institution, Kind: institution.ResourceKind(in.Kind), Day: domain.Date(in.Date)}
		rc, err := a.app.DrawPeak(ctx, handlers.DrawPeak{Act: q.Act, Peak: p, Seed: in.Body.Seed, Salt: in.Body.Salt})
		return done{p.Key(), rc}, err
	})
}

func (p byPeak) peak() handlers.Peak {
	return handlers.Peak{Institution: p.Institution, Kind: institution.ResourceKind(p.Kind), Day: domain.Date(p.Date)}
}

// draws serves the records of draws and of rounds to everybody: what shenzhong
// draw check recomputes.
func (a *API) draws(r chi.Router) {
	r.Get("/api/v1/draws/{institution}/{kind}/{date}", func(w http.ResponseWriter, r *http.Request) {
		p := byPeak{chi.URLParam(r, "institution"), chi.URLParam(r, "kind"), chi.URLParam(r, "date")}.peak()
		rec, err := a.app.Drawn(r.Context(), p, a.app.Now())
		if err != nil {
			handlers.WriteProblem(w, r, err)
			return
		}
		publicRecord(w, rec)
	})
	r.Get("/api/v1/rounds/{cemetery}/{round}", func(w http.ResponseWriter, r *http.Request) {
		rec, err := a.app.Round(r.Context(), domain.CreditCode(chi.URLParam(r, "cemetery")), chi.URLParam(r, "round"), a.app.Now())
		if err != nil {
			handlers.WriteProblem(w, r, err)
			return
		}
		publicRecord(w, rec)
	})
}

func publicRecord(w http.ResponseWriter, rec any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Access-Control-Allow-Origin", "*") // public, and recomputed by whoever likes
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.Encode(rec)
}
