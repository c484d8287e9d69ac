package handlers

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"slices"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/institution"
	"shenzhong/domain/oversight"
	"shenzhong/domain/pricing"
	"shenzhong/events"
)

// Public is the account in whose name anybody complains, who need not have one.
const Public = "public"

// FileComplaint takes a complaint of whoever.
type FileComplaint struct {
	domain.Act
	// Token is the form's own: the same token is the same complaint.
	Token       uuid.UUID
	Institution domain.CreditCode
	Item        string
	Case        uuid.UUID // uuid.Nil: about no case
	// Text is what is said, Contact where an answer reaches the complainant; empty
	// where they want none but on the page of their code.
	Text, Contact string
}

// ComplaintCode is the code by which a complaint is followed. It follows from
// the token of its form and a secret, like TrackingCode, and is stored nowhere.
func (a *App) ComplaintCode(token uuid.UUID) string { return a.code("complaint code of ", token) }

// ComplaintID is the id of the complaint that a code leads to.
func (a *App) ComplaintID(code string) uuid.UUID { return a.under("complaint", code) }

// under is the id of what a code leads to, under a secret.
func (a *App) under(what, code string) uuid.UUID {
	mac := hmac.New(sha256.New, a.persons)
	mac.Write([]byte(what + " under " + code))
	id, err := uuid.Parse(string(subject(mac.Sum(nil))))
	if err != nil {
		panic(err) // a program fault: a reference is a uuid
	}
	return id
}

// FileComplaint looks up the institution and its price list, and takes the
// complaint. One stream is written. It answers with the code to follow it by.
func (a *App) FileComplaint(ctx context.Context, c FileComplaint) (code string, id uuid.UUID, rc events.Receipt, err error) {
	code = a.ComplaintCode(c.Token)
	id = a.ComplaintID(code)
	cmd := oversight.FileComplaint{Act: c.Act, Institution: c.Institution, Item: c.Item, Case: c.Case}
	who := a.Somebody(c.Token, "complainant")
	cmd.Text = domain.Personal(who, c.Text)
	if c.Contact != "" {
		cmd.Contact = domain.Personal(who, c.Contact)
	}
	_, p, known, err := a.overseen(ctx, c.Institution)
	if err != nil {
		return "", id, rc, err
	}
	cmd.Known, cmd.ItemKnown = known, c.Item == ""
	if known && c.Item != "" {
		l, _, err := a.PriceLists.Load(ctx, string(c.Institution))
		if err != nil {
			return "", id, rc, err
		}
		cmd.ItemKnown = slices.ContainsFunc(l.Versions, func(v pricing.Published) bool { // a former list's line too
			return slices.ContainsFunc(v.Rows, func(r pricing.Row) bool { return r.Code == c.Item })
		})
	}
	cmd.AcknowledgeDays, cmd.DecideDays = p.Int(institution.ComplaintAckDays), p.Int(institution.ComplaintDecideDays)
	rc, err = a.Complaints.Handle(ctx, id.String(), cmd)
	if err != nil {
		return "", id, rc, err
	}
	return code, id, rc, nil
}

// overseen is a body that is watched over, with the figures in force there: a
// funeral home or eco-burial operator of the register, or a cemetery.
func (a *App) overseen(ctx context.Context, of domain.CreditCode) (Overseen, institution.ParametersState, bool, error) {
	x := Overseen{Code: of}
	if _, err := domain.ParseCreditCode(string(of)); err != nil {
		return x, institution.ParametersState{}, false, nil
	}
	in, _, err := a.Institutions.Load(ctx, string(of))
	if err != nil {
		return x, institution.ParametersState{}, false, err
	}
	known := in.Exists()
	x.NameZh, x.NameEn, x.Division = in.NameZh, in.NameEn, in.Division
	if !known {
		c, _, err := a.Cemeteries.Load(ctx, string(of))
		if err != nil {
			return x, institution.ParametersState{}, false, err
		}
		known = c.NameZh != ""
		x.NameZh, x.NameEn, x.Division = c.NameZh, c.NameEn, c.Division
		in.Division, in.CreditCode = c.Division, of
	}
	if !known {
		return x, institution.ParametersState{}, false, nil
	}
	p, err := a.ParametersOf(ctx, in)
	return x, p, known, err
}

// Overseen is a body that is watched over, as the register names it.
type Overseen struct {
	Code           domain.CreditCode
	NameZh, NameEn string
	Division       domain.Division
}

// Overseen finds a body by its credit code; ErrNotFound where there is none.
func (a *App) Overseen(ctx context.Context, of domain.CreditCode) (Overseen, error) {
	x, _, known, err := a.overseen(ctx, of)
	if err == nil && !known {
		err = ErrNotFound
	}
	return x, err
}

// Complaint reads a complaint; ErrNotFound where there is none.
func (a *App) Complaint(ctx context.Context, id uuid.UUID) (oversight.ComplaintState, events.Revision, error) {
	s, rev, err := a.Complaints.Load(ctx, id.String())
	if err == nil && !s.Exists() {
		err = ErrNotFound
	}
	return s, rev, err
}

// ForwardComplaint asks the institution, under the figures in force there.
func (a *App) ForwardComplaint(ctx context.Context, id uuid.UUID, at *events.Revision, act domain.Act) (events.Receipt, error) {
	s, _, err := a.Complaint(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	_, p, _, err := a.overseen(ctx, s.Filed.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	return to(a.Complaints, id.String(), at).run(ctx, oversight.ForwardComplaint{Act: act, AnswerDays: p.Int(institution.ComplaintAnswerDays)})
}

// AnswerComplaint is the institution's word, kept under the complainant's seal.
func (a *App) AnswerComplaint(ctx context.Context, id uuid.UUID, at *events.Revision, act domain.Act, answer string) (events.Receipt, error) {
	s, _, err := a.Complaint(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	return to(a.Complaints, id.String(), at).run(ctx, oversight.AnswerComplaint{Act: act, Answer: domain.Personal(s.Filed.Text.Subject(), answer)})
}

// DecideComplaint is the authority's finding; finding, which may be empty, is
// what the complainant is told.
func (a *App) DecideComplaint(ctx context.Context, id uuid.UUID, at *events.Revision, c oversight.DecideComplaint, finding string) (events.Receipt, error) {
	s, _, err := a.Complaint(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	if finding != "" {
		c.Finding = domain.Personal(s.Filed.Text.Subject(), finding)
	}
	return to(a.Complaints, id.String(), at).run(ctx, c)
}

// OpenReview begins the follow-up of a rating, where there is a duty to: the
// rating is of the last two levels and under a real name. Nothing for another.
func (a *App) OpenReview(ctx context.Context, act domain.Act, caseID uuid.UUID, r booking.Rated, rating uuid.UUID, on domain.Date) error {
	if r.Level > oversight.BadLevel || !r.Named {
		return nil
	}
	s, _, err := a.Cases.Load(ctx, caseID.String())
	if err != nil {
		return err
	}
	of := domain.CreditCode(s.Institution)
	_, p, _, err := a.overseen(ctx, of)
	if err != nil {
		return err
	}
	call := p.Int(institution.ReviewDays)
	_, err = a.Reviews.Handle(ctx, caseID.String(), oversight.OpenReview{Act: act, Case: caseID, Institution: of, Level: r.Level, Named: r.Named, Rating: rating, RatedOn: on,
		CallDays: call, ResolveDays: max(call, p.Int(institution.ReviewResolveDays))})
	return err
}

// Review reads a follow-up; ErrNotFound where there is none.
func (a *App) Review(ctx context.Context, caseID uuid.UUID) (oversight.ReviewState, events.Revision, error) {
	s, rev, err := a.Reviews.Load(ctx, caseID.String())
	if err == nil && !s.Exists() {
		err = ErrNotFound
	}
	return s, rev, err
}

// FollowReview asks a follow-up for something, under the figures in force at its
// institution.
func (a *App) FollowReview(ctx context.Context, caseID uuid.UUID, at *events.Revision, cmd oversight.ReviewCommand) (events.Receipt, error) {
	s, _, err := a.Review(ctx, caseID)
	if err != nil {
		return events.Receipt{}, err
	}
	_, p, _, err := a.overseen(ctx, s.Opened.Institution)
	if err != nil {
		return events.Receipt{}, err
	}
	switch c := cmd.(type) {
	case oversight.ExtendReview:
		c.Days = p.Int(institution.ReviewExtensionDays)
		cmd = c
	case oversight.ResolveReview:
		c.Attempts, c.CheckDays = p.Int(institution.ReviewAttempts), p.Int(institution.ReviewCheckDays)
		cmd = c
	case oversight.CheckReview:
		c.ResolveDays = p.Int(institution.ReviewResolveDays)
		cmd = c
	}
	return to(a.Reviews, caseID.String(), at).run(ctx, cmd)
}

// Miss notes that a term has passed, in the stream that it runs in. Nothing
// where it was kept.
func (a *App) Miss(ctx context.Context, act domain.Act, stream events.Stream, step oversight.Step) (err error) {
	id := stream.ID()
	switch stream.Category() {
	case oversight.ComplaintCategory:
		_, err = a.Complaints.Handle(ctx, id, oversight.MissComplaint{Act: act, Step: step})
	case oversight.ReviewCategory:
		_, err = a.Reviews.Handle(ctx, id, oversight.MissReview{Act: act, Step: step})
	case oversight.InspectionCategory:
		_, err = a.Inspections.Handle(ctx, id, oversight.MissInspection{Act: act, Institution: domain.CreditCode(step)})
	case oversight.PenaltyCategory:
		_, err = a.Penalties.Handle(ctx, id, oversight.MissPenalty{Act: act})
	case cemetery.RepairCategory:
		_, err = a.Repairs.Handle(ctx, id, cemetery.MissRepair{Act: act})
	}
	return err
}

// Duties are the terms that run in a stream of oversight, or of a work order.
func (a *App) Duties(ctx context.Context, stream events.Stream) ([]oversight.Duty, error) {
	id := stream.ID()
	switch stream.Category() {
	case oversight.ComplaintCategory:
		s, _, err := a.Complaints.Load(ctx, id)
		return s.Duties(), err
	case oversight.ReviewCategory:
		s, _, err := a.Reviews.Load(ctx, id)
		return s.Duties(), err
	case oversight.InspectionCategory:
		s, _, err := a.Inspections.Load(ctx, id)
		return s.Duties(), err
	case oversight.PenaltyCategory:
		s, _, err := a.Penalties.Load(ctx, id)
		return s.Duties(), err
	case cemetery.RepairCategory:
		s, _, err := a.Repairs.Load(ctx, id)
		if err != nil || !s.Open() || s.Late {
			return nil, err
		}
		return []oversight.Duty{{Step: oversight.Mend, By: s.Reported.DueBy}}, nil
	}
	return nil, nil
}
