package api

import (
	"context"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/handlers"
)

type complainBody struct {
	Happened
	Institution string `json:"institution" maxLength:"18" doc:"Credit code."`
	Item        string `json:"item,omitzero" maxLength:"40" doc:"Code of the line of the price list, if it is about one."`
	Case        string `json:"case,omitzero" format:"uuid" doc:"The case that it is about, if one."`
	Text        string `json:"text" maxLength:"1500" doc:"What was said. Sealed."`
	Contact     string `json:"contact,omitzero" maxLength:"100" doc:"Where an answer reaches whoever complains. Sealed; the institution does not see it."`
}

type complaintAnswerBody struct {
	Happened
	Answer string `json:"answer" maxLength:"1500" doc:"What the institution says; told to the complainant. Sealed."`
}

type complaintDecisionBody struct {
	Happened
	Upheld    bool   `json:"upheld"`
	Document  string `json:"document" maxLength:"200"`
	DecidedOn string `json:"decided_on" format:"date"`
	Finding   string `json:"finding,omitzero" maxLength:"1500" doc:"What the complainant is told beside it. Sealed."`
}

type complaintCloseBody struct {
	Happened
	How    string `json:"how" enum:"DECIDED,WITHDRAWN,NOT_COMPETENT,SAME_AS_OTHER"`
	Reason string `json:"reason,omitzero" maxLength:"200" doc:"Why there is no decision. No names."`
}

type onComplaint[B any] struct {
	Complaint string `path:"complaint" format:"uuid"`
	Write[B]
}

type getComplaint struct {
	Complaint string `path:"complaint" format:"uuid"`
}

// ComplaintView is a complaint.
type ComplaintView struct {
	Complaint    string     `json:"complaint" format:"uuid"`
	Institution  string     `json:"institution"`
	Item         string     `json:"item,omitzero"`
	Case         string     `json:"case,omitzero"`
	FiledOn      string     `json:"filed_on" format:"date"`
	Text         string     `json:"text,omitzero" doc:"Left out where it was erased."`
	Contact      string     `json:"contact,omitzero" doc:"For the authority only."`
	Acknowledged bool       `json:"acknowledged"`
	AnswerBy     string     `json:"answer_by,omitzero" format:"date"`
	Answer       string     `json:"answer,omitzero"`
	Decided      bool       `json:"decided"`
	Upheld       bool       `json:"upheld"`
	Document     string     `json:"document,omitzero"`
	DecidedOn    string     `json:"decided_on,omitzero" format:"date"`
	Closed       string     `json:"closed,omitzero" doc:"How it ended."`
	Duties       []DutyView `json:"duties"`
	Missed       []DutyView `json:"missed"`
}

// DutyView is a term.
type DutyView struct {
	Step      string `json:"step"`
	By        string `json:"by" format:"date" doc:"The last day of the term."`
	Authority bool   `json:"authority" doc:"The regulator owes it; else the institution does."`
}

func duties[D oversight.Duty | oversight.ComplaintMissed | oversight.ReviewMissed](ds []D) []DutyView {
	vs := []DutyView{}
	for _, d := range ds {
		x := oversight.Duty(d)
		vs = append(vs, DutyView{string(x.Step), string(x.By), x.Authority})
	}
	return vs
}

type contactBody struct {
	Happened
	Reached bool `json:"reached" doc:"Somebody was spoken with."`
}

type resolveBody struct {
	Happened
	Unable bool   `json:"unable,omitzero" doc:"It could not be resolved; note says why."`
	Note   string `json:"note" maxLength:"300" doc:"What was done. No names."`
}

type checkBody struct {
	Happened
	Sound     bool   `json:"sound" doc:"The follow-up was as reported; else it goes on."`
	Justified bool   `json:"justified,omitzero" doc:"The review was right in its matter."`
	Reason    string `json:"reason,omitzero" maxLength:"300" doc:"Why it is sent back. No names."`
}

type excludeBody struct {
	Happened
	Ground   string `json:"ground" enum:"MISTAKEN,MALICIOUS"`
	Document string `json:"document" maxLength:"200"`
}

type onReview[B any] struct {
	Case string `path:"case" format:"uuid"`
	Write[B]
}

type getReview struct {
	Case string `path:"case" format:"uuid"`
}

// ReviewView is the follow-up of a bad review.
type ReviewView struct {
	Case        string     `json:"case" format:"uuid"`
	Institution string     `json:"institution"`
	Level       int        `json:"level" doc:"2 dissatisfied, 1 very dissatisfied."`
	RatedOn     string     `json:"rated_on" format:"date"`
	Contacts    int        `json:"contacts" doc:"Calls that were made."`
	Extended    bool       `json:"extended"`
	Resolved    bool       `json:"resolved"`
	Unable      bool       `json:"unable"`
	Note        string     `json:"note,omitzero"`
	Checked     bool       `json:"checked" doc:"The authority found the follow-up sound."`
	Excluded    string     `json:"excluded,omitzero" doc:"Why it does not count."`
	Duties      []DutyView `json:"duties"`
	Missed      []DutyView `json:"missed"`
}

func (a *API) oversight(h huma.API) {
	post(a, h, "file_complaint", "/complaints", "Take a complaint that came by telephone or letter", func(ctx context.Context, q *request, in *Write[complainBody]) (done, error) {
		b := in.Body
		c := handlers.FileComplaint{Act: q.Act, Token: q.New, Institution: domain.CreditCode(b.Institution), Item: b.Item, Text: b.Text, Contact: b.Contact}
		if b.Case != "" {
			var err error
			if c.Case, err = record(b.Case); err != nil {
				return done{}, err
			}
		}
		code, id, rc, err := a.app.FileComplaint(ctx, c)
		q.code = code
		return done{id.String(), rc}, err
	})
	// on runs do with the complaint of the address, for whom it is.
	type step func(ctx context.Context, q *request, id uuid.UUID) (events.Receipt, error)
	on := func(ctx context.Context, q *request, complaint string, do step) (done, error) {
		id, err := record(complaint)
		if err != nil {
			return done{}, err
		}
		s, _, err := a.app.Complaint(ctx, id)
		if err != nil {
			return done{}, err
		}
		if err := q.at(string(s.Filed.Institution)); err != nil {
			return done{}, err
		}
		rc, err := do(ctx, q, id)
		return done{id.String(), rc}, err
	}
	ask := func(ctx context.Context, q *request, id uuid.UUID, cmd oversight.ComplaintCommand) (events.Receipt, error) {
		if q.IfMatch != nil {
			return a.app.Complaints.HandleAt(ctx, id.String(), *q.IfMatch, cmd)
		}
		return a.app.Complaints.Handle(ctx, id.String(), cmd)
	}
	post(a, h, "acknowledge_complaint", "/complaints/{complaint}/acknowledgement", "Take a complaint up", func(ctx context.Context, q *request, in *onComplaint[plainBody]) (done, error) {
		return on(ctx, q, in.Complaint, func(ctx context.Context, q *request, id uuid.UUID) (events.Receipt, error) {
			return ask(ctx, q, id, oversight.AcknowledgeComplaint{Act: q.Act})
		})
	})
	post(a, h, "forward_complaint", "/complaints/{complaint}/forwarding", "Ask the institution about a complaint", func(ctx context.Context, q *request, in *onComplaint[plainBody]) (done, error) {
		return on(ctx, q, in.Complaint, func(ctx context.Context, q *request, id uuid.UUID) (events.Receipt, error) {
			return a.app.ForwardComplaint(ctx, id, q.IfMatch, q.Act)
		})
	})
	post(a, h, "answer_complaint", "/complaints/{complaint}/answer", "Answer a complaint", func(ctx context.Context, q *request, in *onComplaint[complaintAnswerBody]) (done, error) {
		return on(ctx, q, in.Complaint, func(ctx context.Context, q *request, id uuid.UUID) (events.Receipt, error) {
			return a.app.AnswerComplaint(ctx, id, q.IfMatch, q.Act, in.Body.Answer)
		})
	})
	post(a, h, "decide_complaint", "/complaints/{complaint}/decision", "Decide a complaint", func(ctx context.Context, q *request, in *onComplaint[complaintDecisionBody]) (done, error) {
		b := in.Body
		return on(ctx, q, in.Complaint, func(ctx context.Context, q *request, id uuid.UUID) (events.Receipt, error) {
			return a.app.DecideComplaint(ctx, id, q.IfMatch, oversight.DecideComplaint{Act: q.Act, Upheld: b.Upheld, Document: b.Document, DecidedOn: domain.Date(b.DecidedOn)}, b.Finding)
		})
	})
	post(a, h, "close_complaint", "/complaints/{complaint}/closing", "Close a complaint", func(ctx context.Context, q *request, in *onComplaint[complaintCloseBody]) (done, error) {
		return on(ctx, q, in.Complaint, func(ctx context.Context, q *request, id uuid.UUID) (events.Receipt, error) {
			return ask(ctx, q, id, oversight.CloseComplaint{Act: q.Act, How: oversight.ClosedHow(in.Body.How), Reason: in.Body.Reason})
		})
	})
	get(h, "get_complaint", "/complaints/{complaint}", "A complaint", func(ctx context.Context, at func(string) error, in *getComplaint) (ComplaintView, events.Revision, error) {
		id, err := record(in.Complaint)
		if err != nil {
			return ComplaintView{}, 0, err
		}
		s, rev, err := a.app.Complaint(ctx, id)
		if err != nil {
			return ComplaintView{}, 0, err
		}
		if err := at(string(s.Filed.Institution)); err != nil {
			return ComplaintView{}, 0, err
		}
		authority := handlers.Actor(ctx).Has(handlers.Regulator)
		if !authority && s.AnswerBy == "" { // not sent to the institution
			return ComplaintView{}, 0, handlers.ErrNotFound
		}
		v := ComplaintView{Complaint: in.Complaint, Institution: string(s.Filed.Institution), Item: s.Filed.Item, FiledOn: string(s.Filed.FiledOn), Text: s.Filed.Text.Or(""),
			Acknowledged: s.Acknowledged, AnswerBy: string(s.AnswerBy), Duties: duties(s.Duties()), Missed: duties(s.Missed)}
		if s.Filed.Case != uuid.Nil {
			v.Case = s.Filed.Case.String()
		}
		if authority {
			v.Contact = s.Filed.Contact.Or("")
		}
		if s.Answer != nil {
			v.Answer = s.Answer.Answer.Or("")
		}
		if d := s.Decided; d != nil {
			v.Decided, v.Upheld, v.Document, v.DecidedOn = true, d.Upheld, d.Document, string(d.DecidedOn)
		}
		if s.Closed != nil {
			v.Closed = string(s.Closed.How)
		}
		return v, rev, nil
	})

	follow := func(ctx context.Context, q *request, of string, cmd oversight.ReviewCommand) (done, error) {
		id, err := record(of)
		if err != nil {
			return done{}, err
		}
		s, _, err := a.app.Review(ctx, id)
		if err != nil {
			return done{}, err
		}
		if err := q.at(string(s.Opened.Institution)); err != nil {
			return done{}, err
		}
		rc, err := a.app.FollowReview(ctx, id, q.IfMatch, cmd)
		return done{id.String(), rc}, err
	}
	post(a, h, "contact_reviewer", "/reviews/{case}/contacts", "Record a call to a family that was dissatisfied", func(ctx context.Context, q *request, in *onReview[contactBody]) (done, error) {
		return follow(ctx, q, in.Case, oversight.ContactReviewer{Act: q.Act, Reached: in.Body.Reached})
	})
	post(a, h, "extend_review", "/reviews/{case}/extension", "Put the end of a follow-up off, once", func(ctx context.Context, q *request, in *onReview[extendBody]) (done, error) {
		return follow(ctx, q, in.Case, oversight.ExtendReview{Act: q.Act, Reason: in.Body.Reason})
	})
	post(a, h, "resolve_review", "/reviews/{case}/result", "Report the result of a follow-up", func(ctx context.Context, q *request, in *onReview[resolveBody]) (done, error) {
		return follow(ctx, q, in.Case, oversight.ResolveReview{Act: q.Act, Unable: in.Body.Unable, Note: in.Body.Note})
	})
	post(a, h, "check_review", "/reviews/{case}/check", "Check a follow-up", func(ctx context.Context, q *request, in *onReview[checkBody]) (done, error) {
		b := in.Body
		return follow(ctx, q, in.Case, oversight.CheckReview{Act: q.Act, Sound: b.Sound, Justified: b.Justified, Reason: b.Reason})
	})
	post(a, h, "exclude_review", "/reviews/{case}/exclusion", "Take a review out of every count", func(ctx context.Context, q *request, in *onReview[excludeBody]) (done, error) {
		return follow(ctx, q, in.Case, oversight.ExcludeReview{Act: q.Act, Ground: oversight.ExclusionGround(in.Body.Ground), Document: in.Body.Document})
	})
	get(h, "get_review", "/reviews/{case}", "The follow-up of a bad review", func(ctx context.Context, at func(string) error, in *getReview) (ReviewView, events.Revision, error) {
		id, err := record(in.Case)
		if err != nil {
			return ReviewView{}, 0, err
		}
		s, rev, err := a.app.Review(ctx, id)
		if err != nil {
			return ReviewView{}, 0, err
		}
		if err := at(string(s.Opened.Institution)); err != nil {
			return ReviewView{}, 0, err
		}
		v := ReviewView{Case: in.Case, Institution: string(s.Opened.Institution), Level: s.Opened.Level, RatedOn: string(s.Opened.RatedOn), Contacts: len(s.Contacts),
			Extended: s.Extended, Checked: s.Checked != nil && s.Checked.Sound, Duties: duties(s.Duties()), Missed: duties(s.Missed)}
		if s.Resolved != nil {
			v.Resolved, v.Unable, v.Note = true, s.Resolved.Unable, s.Resolved.Note
		}
		if s.Excluded != nil {
			v.Excluded = string(s.Excluded.Ground)
		}
		return v, rev, nil
	})
}
