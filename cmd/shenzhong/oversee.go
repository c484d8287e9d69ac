package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/institution"
	"shenzhong/domain/oversight"
	"shenzhong/events"
	"shenzhong/handlers"
)

// What watches over a demo city: ratings with their follow-ups, which are steps
// of a funeral, and matters, each a lane of its own.

// roundLane begins the names of the lanes that are rounds of inspections. They
// go first: who closes the lists of a round reads the register out of the log.
const roundLane = "inspection."

// A matter is one complaint, one round of inspections or one penalty that is
// planned.
type matter struct {
	n    int
	id   uuid.UUID
	at   *site // nil for a round
	when time.Time

	// Of a complaint.
	text, item string
	withdrawn  bool
	silent     bool // the institution does not answer
	upheld     bool

	// Of a round; visit is the one that this matter is, from 1, and 0 the round
	// as a whole.
	round string
	visit int

	severity oversight.PenaltySeverity // of a penalty
	penalty  string
	fine     domain.Money
}

// What an invented complainant says.
var demoComplaints = []string{"取骨灰时窗口没有人，等了四十分钟。（虚构）", "报价时没有说清哪些是可以不选的。（虚构）", "告别厅比约定的时间晚开了二十分钟。（虚构）",
	"价格表贴得太高，字太小，老人看不清。（虚构）", "打电话问手续，三次都没有人接。（虚构）"}

// roundVisits is how many institutions a round draws, demoOfficers who may visit.
const roundVisits = 4

var demoOfficers = []string{"regulator-0501", "regulator-0502", "regulator-0504", "regulator-0505"}

// rate decides what the family says of the service, if anything. It draws from
// numbers of its own, so that the rest of the case stays what it is.
func (f *funeral) rate(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1<<42+uint64(f.n)))
	if !chance(r, 20) {
		return
	}
	f.level, f.named = 5-weighted(r, []int{62, 20, 8, 6, 4}), chance(r, 70)
	f.rated = workingHours(f.slot.AddDate(0, 0, 2+r.IntN(8)))
}

// ratings are the steps that follow the handing over of the ashes. One bad
// review in five is left without a result.
func (f *funeral) ratings(yield func(time.Time, stepKind)) {
	if f.level == 0 {
		return
	}
	yield(f.rated, stepRate)
	if f.level > oversight.BadLevel || !f.named {
		return
	}
	yield(f.rated.AddDate(0, 0, 1), stepCall)
	if f.n%5 != 0 {
		yield(f.rated.AddDate(0, 0, 4), stepResolve)
		yield(f.rated.AddDate(0, 0, 7), stepCheck)
	}
}

func (f *funeral) followUp(ctx context.Context, app *handlers.App, kind stepKind, at time.Time) (err error) {
	act := func(by string) domain.Act { return f.act(kind, "", by, at) }
	desk := f.home.staff("desk", 1)
	follow := func(c oversight.ReviewCommand) { _, err = app.FollowReview(ctx, f.id, nil, c) }
	switch kind {
	case stepRate:
		c := booking.Rate{Act: act(handlers.Family), Level: f.level, Named: f.named}
		if f.level <= oversight.BadLevel {
			c.Comment = domain.Personal(app.Person(f.living.id), demoComplaints[f.n%len(demoComplaints)])
		}
		if _, err := app.RateService(ctx, f.id, c); err != nil {
			return err
		}
		// What a server's reaction does: a simulation has none.
		rating := f.eventID(stepRate, "")
		return app.OpenReview(ctx, domain.Act{ID: events.StepID(rating, "open"), By: "policy:reviews", Now: at, At: at, Correlation: f.id, Causation: rating}, f.id,
			booking.Rated{Level: f.level, Named: f.named}, rating, domain.DateOf(at))
	case stepCall:
		follow(oversight.ContactReviewer{Act: act(desk), Reached: true})
	case stepResolve:
		follow(oversight.ResolveReview{Act: act(desk), Note: "演示：已当面说明，约定改进"})
	case stepCheck:
		follow(oversight.CheckReview{Act: act("regulator-0501"), Sound: true, Justified: f.n%2 == 0})
	}
	return err
}

// oversee plans the matters.
func (p *plan) oversee() {
	today := domain.DateOf(p.now)
	add := func(x matter) {
		x.n = len(p.matters)
		p.matters = append(p.matters, &x)
	}
	all := p.city.all()
	for k := range 2 + len(p.funerals)/150 {
		r := rand.New(rand.NewPCG(p.seed, 1<<43+uint64(k)))
		x := matter{id: randomID(r), at: pick(r, all), text: demoComplaints[k%len(demoComplaints)], withdrawn: chance(r, 10), silent: chance(r, 15), upheld: chance(r, 45)}
		if x.at.reg.Kind == institution.FuneralHome && chance(r, 60) {
			x.item = pick(r, []string{"TRN-STD", "STO-COLD", "HAL-S", "CRM-FLAT"})
		}
		span := int(today.Start().Sub(p.from.Start()).Hours()/24) - 1
		if k%2 == 1 { // so that some are on somebody's desk
			span = min(span, 40)
		}
		if span < 1 {
			continue
		}
		x.when = workingHours(today.AddDays(-1 - r.IntN(span)).Start())
		add(x)
	}
	// A round a quarter, for a year.
	for back := 9; back >= 0; back -= 3 {
		month := domain.Date(today.Month() + "-01").AddMonths(-back)
		first := month
		for first.AddMonths(-1).Quarter() == month.Quarter() {
			first = first.AddMonths(-1)
		}
		if first < p.from {
			continue
		}
		x := matter{round: first.Quarter(), id: uuid.NewSHA1(simSpace, []byte(first.Quarter())), when: first.AddDays(5).Start().Add(9 * time.Hour)}
		for x.visit = range roundVisits + 1 {
			add(x)
		}
	}
	for _, x := range []matter{
		{at: p.city.cemeteries[7], when: today.AddDays(-120).Start().Add(10 * time.Hour), severity: oversight.GeneralPenalty, penalty: "罚款", fine: domain.Yuan(3000)},
		{at: p.city.homes[1], when: today.AddDays(-9).Start().Add(10 * time.Hour), severity: oversight.GeneralPenalty, penalty: "警告"},
	} {
		if domain.DateOf(x.when) >= p.from {
			x.id = uuid.NewSHA1(simSpace, fmt.Appendf(nil, "penalty %d %s", p.seed, x.at.code()))
			add(x)
		}
	}
}

// lane is the lane of a matter; a round's visits are in the round's.
func (x *matter) lane() string {
	switch {
	case x.round != "":
		return roundLane + x.round
	case x.severity != "":
		return "penalty." + x.id.String()
	}
	return "complaint." + x.id.String()
}

func (x *matter) steps(yield func(time.Time, stepKind)) {
	day := func(n int) time.Time { return x.when.AddDate(0, 0, n) }
	switch {
	case x.visit > 0:
		visited := 3 + 12*x.visit
		yield(day(visited), stepVisit)
		yield(day(visited+9), stepPublish)
	case x.round != "":
		yield(x.when, stepCommit)
		yield(day(2), stepFreeze)
		yield(day(4), stepOpenSeed)
	case x.severity != "":
		yield(x.when, stepPropose)
		yield(day(1), stepTell)
		yield(day(6), stepHear)
		yield(day(10), stepLegal)
		yield(day(12), stepPenalise)
		yield(day(14), stepServe)
	default:
		yield(x.when, stepComplain)
		yield(day(1), stepTakeUp)
		if x.withdrawn {
			yield(day(3), stepEndComplaint)
			return
		}
		yield(day(1).Add(time.Hour), stepAsk)
		if !x.silent {
			yield(day(5), stepReply)
		}
		yield(day(15), stepFind)
		yield(day(16), stepEndComplaint)
	}
}

// digest is 64 hex digits that follow from a text.
func digest(format string, args ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, format, args...))
	return hex.EncodeToString(sum[:])
}

func (x *matter) step(ctx context.Context, s *simulation, kind stepKind, at time.Time) (err error) {
	app, on := s.app, domain.DateOf(at)
	act := func(by string) domain.Act {
		return domain.Act{ID: uuid.NewSHA1(simSpace, fmt.Appendf(nil, "%s %s %d %d", x.lane(), on, x.visit, kind)), By: by, Now: at, At: at, Correlation: x.id}
	}
	one, two, legal := demoOfficers[0], demoOfficers[1], "regulator-0503"
	paper := func(what string, n int) string { return fmt.Sprintf("演示%s〔%s〕%d号", what, on.Year(), 10+n) }
	id := app.ComplaintID(app.ComplaintCode(x.id))
	complaint := func(c oversight.ComplaintCommand) { _, err = app.Complaints.Handle(ctx, id.String(), c) }
	inspect := func(c oversight.InspectionCommand) { _, err = app.Inspect(ctx, x.round, nil, c) }
	penalise := func(c oversight.PenaltyCommand) { _, err = app.Penalise(ctx, x.id, nil, c) }
	seed, salt := digest("%d seed %s", s.plan.seed, x.round), digest("%d salt %s", s.plan.seed, x.round)
	switch kind {
	case stepComplain:
		_, _, _, err = app.FileComplaint(ctx, handlers.FileComplaint{Act: act(handlers.Public), Token: x.id, Institution: x.at.code(), Item: x.item, Text: x.text,
			Contact: fmt.Sprintf("1990000%04d", x.n)})
	case stepTakeUp:
		complaint(oversight.AcknowledgeComplaint{Act: act(one)})
	case stepAsk:
		_, err = app.ForwardComplaint(ctx, id, nil, act(one))
	case stepReply:
		_, err = app.AnswerComplaint(ctx, id, nil, act(x.at.staff("desk", 1)), "演示：情况已核实，已向投诉人说明。（虚构）")
	case stepFind:
		_, err = app.DecideComplaint(ctx, id, nil, oversight.DecideComplaint{Act: act(two), Upheld: x.upheld, Document: paper("投诉办理", x.n), DecidedOn: on}, "")
	case stepEndComplaint:
		c := oversight.CloseComplaint{Act: act(two), How: oversight.AfterDecision}
		if x.withdrawn {
			c.How, c.Reason = oversight.Withdrawn, "演示：投诉人撤回"
		}
		complaint(c)

	case stepCommit:
		inspect(oversight.CommitInspection{Act: act(one), Commitment: domain.Commitment(seed, salt), Count: roundVisits})
	case stepFreeze:
		c := oversight.FreezeInspection{Act: act(two), Officers: demoOfficers, Excluded: []oversight.InspectionExclusion{
			{Institution: s.plan.city.sea[1].code(), Reason: "演示：当季已作专项检查"},
			{Institution: s.plan.city.homes[0].code(), Officer: demoOfficers[3], Reason: "演示：回避"}}}
		register, err := app.Registered(ctx)
		if err != nil {
			return err
		}
		for _, of := range register {
			if of != s.plan.city.sea[1].code() {
				c.Institutions = append(c.Institutions, of)
			}
		}
		_, err = app.Inspect(ctx, x.round, nil, c)
		return err
	case stepOpenSeed:
		inspect(oversight.OpenInspection{Act: act(one), Seed: seed, Salt: salt})
	case stepVisit, stepPublish:
		round, err := app.InspectionRound(ctx, x.round)
		if err != nil {
			return err
		}
		v := round.Drawn.Visits[x.visit-1]
		if kind == stepPublish {
			_, err = app.Inspect(ctx, x.round, nil, oversight.PublishInspection{Act: act(one), Institution: v.Institution, Document: paper("检查公示", x.n), PublishedOn: on})
			return err
		}
		c := oversight.RecordInspection{Act: act(v.Officers[0]), Institution: v.Institution, VisitedOn: on, Officers: v.Officers, Checklist: "演示检查表 2026-1",
			Evidence: []oversight.InspectionEvidence{{Name: "现场照片-1.jpg", SHA256: digest("photograph %s %d", x.round, x.visit)}}}
		if x.visit%2 == 0 {
			c.Findings = []oversight.InspectionFinding{{Line: "7", What: "演示：价格公示栏贴的不是最新一版"}}
		}
		_, err = app.Inspect(ctx, x.round, nil, c)
		return err

	case stepPropose:
		penalise(oversight.ProposePenalty{Act: act(one), PenaltyProposed: oversight.PenaltyProposed{Institution: x.at.code(), Severity: x.severity, Kind: x.penalty, Amount: x.fine,
			Fact: "演示：价格公示栏缺项，逾期没有补全", Basis: "演示依据（不是真实条文）", Officers: [2]string{one, two}}})
	case stepTell:
		penalise(oversight.NotifyPenalty{Act: act(one), Document: paper("处罚告知", x.n)})
	case stepHear:
		penalise(oversight.HearPenalty{Act: act(one), Document: paper("陈述笔录", x.n)})
	case stepLegal:
		penalise(oversight.ReviewPenalty{Act: act(legal), Approved: true, Opinion: "演示：事实清楚，程序合法"})
	case stepPenalise:
		penalise(oversight.DecidePenalty{Act: act(two), Document: paper("处罚决定", x.n), DecidedOn: on})
	case stepServe:
		penalise(oversight.ServePenalty{Act: act(one), ServedOn: on})
	default:
		return fmt.Errorf("step %d is not one of oversight", kind)
	}
	return err
}

// isRound says that a lane is a round of inspections.
func isRound(l *lane) bool { return strings.HasPrefix(l.name, roundLane) }
