package policies

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/events"
)

// What a rule sees by itself is only ever a suspicion: the facts, for an
// officer to look at. It scores nothing and nobody outside learns of it.

// refusalRules says which rule of the credit policy a refused charge may have
// broken. What the family never paid was still asked of them.
var refusalRules = map[string]string{
	booking.ErrOffList.Code:      "P02",
	booking.ErrAboveCeiling.Code: "P03",
	booking.ErrAboveQuote.Code:   "P04",
	booking.ErrSplit.Code:        "P05",
	booking.ErrThirdQuote.Code:   "P06",
	booking.ErrPayFirst.Code:     "P10",
}

// refusalTexts says the same in the words that an officer reads.
var refusalTexts = map[string]string{
	booking.ErrOffList.Code:      "要收价目清单以外的费用",
	booking.ErrAboveCeiling.Code: "要按高于标价的价格收费",
	booking.ErrAboveQuote.Code:   "要收超过家属同意的报价的费用",
	booking.ErrSplit.Code:        "要分解项目收费",
	booking.ErrThirdQuote.Code:   "家属没有答复，又出第三份报价",
	booking.ErrPayFirst.Code:     "要求减免对象先付费",
}

// suspectRefusal notes that a charge was tried which a rule refused.
func (p *Policies) suspectRefusal(ctx context.Context, r events.Recorded, e booking.ChargeRefused) error {
	rule, ok := refusalRules[e.Code]
	if !ok {
		return nil
	}
	c, _, err := p.cfg.App.Cases.Load(ctx, r.Stream.ID())
	if err != nil {
		return err
	}
	basis := refusalTexts[e.Code]
	if e.Item != "" {
		basis += "：" + e.Item
	}
	if e.Amount > 0 {
		basis += fmt.Sprintf("，%s 元", e.Amount)
	}
	if e.Limit > 0 {
		basis += fmt.Sprintf("，上限 %s 元", e.Limit)
	}
	basis += "；系统没有受理"
	if e.Basis != "" {
		basis += "。依据：" + e.Basis
	}
	fact := "case:" + r.Stream.ID() + "/" + e.Code
	if e.Item != "" {
		fact += "/" + e.Item
	}
	return p.suspect(ctx, r, c.Institution, rule, fact, basis)
}

// suspectAnomaly notes that a cremation's recorded times cannot well be. The
// policy has no rule for that alone; false figures (B05) is what it may come to.
func (p *Policies) suspectAnomaly(ctx context.Context, r events.Recorded, e cremation.AnomalyFlagged) error {
	c, _, err := p.cfg.App.Cremations.Load(ctx, r.Stream.ID())
	if err != nil {
		return err
	}
	limit := time.Duration(e.LimitS) * time.Second
	found := (time.Duration(e.FoundS) * time.Second).Round(time.Minute)
	basis := fmt.Sprintf("登记的火化时间为 %.0f 分钟，少于 %.0f 分钟", found.Minutes(), limit.Minutes())
	if e.Kind == cremation.TelemetryDiffers {
		basis = fmt.Sprintf("登记的火化时间与火化机自己的时间相差 %.0f 分钟，超过 %.0f 分钟", found.Minutes(), limit.Minutes())
	}
	return p.suspect(ctx, r, string(c.Institution), "B05", "case:"+r.Stream.ID()+"/"+string(e.Kind), basis)
}

// suspectLate notes that something was recorded long after it happened. A month
// of an institution's records of one kind is one fact. The day that counts is the
// one on which the time for it ran out: what was late before there was a policy is
// judged by none.
func (p *Policies) suspectLate(ctx context.Context, r events.Recorded, of domain.CreditCode, kind, zh string) error {
	if r.Meta.LateReason == "" || r.Meta.Estimated || strings.HasPrefix(r.Meta.Actor, "policy:") || r.Occurred.IsZero() {
		return nil
	}
	ps, _, err := p.cfg.App.ParametersAt(ctx, string(of))
	if err != nil {
		return err
	}
	limit := ps.Int(institution.ReportDays)
	if r.At.Sub(r.Occurred) <= time.Duration(limit)*24*time.Hour {
		return nil
	}
	on, due := domain.DateOf(r.Occurred), r.Occurred.AddDate(0, 0, limit)
	return p.raise(ctx, p.act("suspicions", r.ID, r.Meta.Correlation, "suspect V07"), due, string(of), "V07", r.ID, "reports:"+kind+"/"+on.Month(), fmt.Sprintf("%s 的%s，%s 才录入，超过 %d 天", on, zh, domain.DateOf(r.At), limit))
}

// listed waits until a price list is too old. A newer one ends the waiting.
func (p *Policies) listed(ctx context.Context, r events.Recorded, version int, from domain.Date) error {
	p.drop(func(d deadline) bool { return d.Kind == "stale" && d.Stream == r.Stream })
	code, err := domain.ParseCreditCode(r.Stream.ID())
	if err != nil {
		return nil // a list kept for reference
	}
	ps, _, err := p.cfg.App.ParametersAt(ctx, string(code))
	if err != nil {
		return err
	}
	p.set(deadline{Due: from.AddMonths(ps.Int(institution.PriceListMonths)).Start(), Event: r.ID, Corr: r.Meta.Correlation, Kind: "stale", Stream: r.Stream, Place: fmt.Sprint(version)})
	return nil
}

// stale notes that a price list has become too old, unless another is in force.
func (p *Policies) stale(ctx context.Context, d deadline) error {
	app, id := p.cfg.App, d.Stream.ID()
	in, _, err := app.Institutions.Load(ctx, id)
	if err != nil || !in.Exists() {
		return err
	}
	s, _, err := app.PriceLists.Load(ctx, id)
	if err != nil {
		return err
	}
	if n := len(s.Versions); n == 0 || fmt.Sprint(s.Versions[n-1].Version) != d.Place {
		return nil
	}
	v, ok := s.InForce(domain.DateOf(d.Due))
	if !ok {
		return nil
	}
	act := p.act("suspicions", d.Event, d.Corr, "suspect stale")
	return p.raise(ctx, act, d.Due, id, "P01", d.Event, fmt.Sprintf("pricelist/v%d/stale", v.Version),
		fmt.Sprintf("第 %d 版价目自 %s 起施行，到 %s 没有重新公示", v.Version, v.EffectiveFrom, domain.DateOf(d.Due)))
}

// suspect notes a suspicion that an event gives rise to, on the day on which it
// happened.
func (p *Policies) suspect(ctx context.Context, r events.Recorded, of, rule, fact, basis string) error {
	at := r.Occurred
	if at.IsZero() || r.Meta.Estimated {
		at = r.At
	}
	return p.raise(ctx, p.act("suspicions", r.ID, r.Meta.Correlation, "suspect "+rule), at, of, rule, r.ID, fact, basis)
}

// raise asks the ledger. A refusal is an answer: the fact is known already, or
// no policy that has the rule was in force.
func (p *Policies) raise(ctx context.Context, act domain.Act, at time.Time, of, rule string, source uuid.UUID, fact, basis string) error {
	code, err := domain.ParseCreditCode(of)
	if err != nil {
		return nil
	}
	if at.Before(act.Now) {
		act.At = at.UTC()
		if act.Now.Sub(at) > domain.DefaultLateLimit {
			act.LateReason = "自动核对时补记"
		}
	}
	_, err = p.cfg.App.Suspect(ctx, code, credit.Suspect{Act: act, Suspicion: events.StepID(act.ID, "suspicion"), Rule: rule, Fact: fact, SourceEvent: source, Basis: basis})
	if no, ok := errors.AsType[*domain.Rejection](err); ok {
		p.cfg.Log.Debug("a suspicion was not noted", "rule", rule, "on", domain.DateOf(at), "code", no.Code)
		return nil
	}
	return err
}
