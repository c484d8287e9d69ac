package cremation_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/cremation"
	"shenzhong/domain/domaintest"
)

const (
	salt = "b7d1f0c2a9e84d53"
	code = "7K2M-94QX"
)

var (
	codeA     = uuid.MustParse("0193b000-0000-7000-8000-0000000000d1")
	codeB     = uuid.MustParse("0193b000-0000-7000-8000-0000000000d2")
	hash      = domain.Personal(handler, HashCode(salt, code))
	codeSent  = ReleaseCodeIssued{codeA, 1, handler, salt, hash, noon.Add((110*time.Minute + 24*time.Hour)), 5}
	ashesRoom = Place{InAshesRoom, ""}
	niche     = Place{InNiche, "A-12-3"}

	fully    = with(received, func(e *Received) { e.Rules = FullCustody })
	burnt    = []CremationEvent{fully, death, signed, verified1, verified2, started, completed, ashes, issued}
	parts    = []Part{{2, 1350, 1, "T-0001-2", handler, [2]string{"staff-3", "staff-4"}}, {3, 1000, 1, "T-0001-3", neighbour, [2]string{"staff-3", "staff-4"}}}
	halved   = AshesSplit{1, parts, domain.Personal(handler, "分装申请"), "DL-FZ-2026.1"}
	deposit  = AshesDeposited{1, ashesRoom, niche, scan("staff-3", 120), scan("staff-4", 125), "2027-11-23", "JC-7", "DL-JC-2026.1"}
	collect2 = ReleaseAshes{Act: at("staff-desk", 120), To: handler, Name: released.Name, Certificate: "DL2026000001", IDChecked: true,
		Code: "7k2m 94qx", IDTail: "004x", IDTailOf: "004X", Receipt: receipt, Form: "DL-JJ-2026.1"}
	gone = AshesReleased{1, handler, released.Name, "DL2026000001", "staff-desk", codeA, receipt, "DL-JJ-2026.1", domain.Private[string]{}}
)

// I11: release only to the named person against a one-time code and the ID, both
// sides confirming.
func TestReleaseAgainstCode(t *testing.T) {
	coded := plus[CremationEvent](burnt, codeSent)
	t.Run("with code, ID and both signatures the ashes go to the person named", func(t *testing.T) {
		spec.Given(t, coded...).When(collect2).Then(gone)
	})
	for name, c := range map[string]struct {
		change func(*ReleaseAshes)
		want   error
	}{
		"not to anybody else":                {func(c *ReleaseAshes) { c.To = neighbour }, ErrNotCollector},
		"not without the certificate":        {func(c *ReleaseAshes) { c.Certificate = "" }, ErrNoCertificate},
		"not without looking at the card":    {func(c *ReleaseAshes) { c.IDChecked = false }, ErrCollectorID},
		"not with another card":              {func(c *ReleaseAshes) { c.IDTail = "0041" }, ErrIDTail},
		"not with no card on record":         {func(c *ReleaseAshes) { c.IDTail, c.IDTailOf = "", "" }, ErrIDTail},
		"not with three digits":              {func(c *ReleaseAshes) { c.IDTail, c.IDTailOf = "004", "004" }, ErrIDTail},
		"not without the receiver's hand":    {func(c *ReleaseAshes) { c.Receipt = domain.Private[string]{} }, ErrBothSign},
		"not on a form without version":      {func(c *ReleaseAshes) { c.Form = "" }, ErrBothSign},
		"not without the picture, if needed": {func(c *ReleaseAshes) { c.PhotoNeeded = true }, ErrPhoto},
		"not by a program":                   {func(c *ReleaseAshes) { c.By = "policy:ashes" }, ErrByClock},
		"not from a share that is not there": {func(c *ReleaseAshes) { c.Share = 2 }, ErrShare},
		"not after 24 hours":                 {func(c *ReleaseAshes) { c.Act = domaintest.At("staff-desk", codeSent.Expires) }, ErrCodeExpired},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, coded...).When(with(collect2, c.change)).Rejects(c.want) })
	}
	t.Run("just before 24 hours it is in time", func(t *testing.T) {
		spec.Given(t, coded...).When(with(collect2, func(c *ReleaseAshes) { c.Act = domaintest.At("staff-desk", codeSent.Expires.Add(-1)) })).Then(gone)
	})
	t.Run("not under a hold", func(t *testing.T) {
		spec.Given(t, plus[CremationEvent](coded, HoldPlaced{holdA, HoldDispute, "海晏殡仪馆", ""})...).When(collect2).Rejects(ErrHeld)
	})
	t.Run("not out of the niche", func(t *testing.T) {
		spec.Given(t, plus[CremationEvent](coded, deposit)...).When(with(collect2, func(c *ReleaseAshes) { c.Act = at("staff-desk", 130) })).Rejects(ErrDeposited)
	})
	t.Run("not without a code", func(t *testing.T) {
		spec.Given(t, burnt...).When(collect2).Rejects(ErrCodeNeeded)
	})
	wrong := func(minute int) ReleaseAshes {
		return with(collect2, func(c *ReleaseAshes) { c.Act, c.Code = at("staff-desk", minute), "0000-0000" })
	}
	t.Run("a wrong code is counted, and the fifth closes it", func(t *testing.T) {
		es := coded
		for i := range 5 {
			c := wrong(120 + i)
			e := ReleaseCodeWrong{codeA, 1, c.ID, "staff-desk"}
			spec.Given(t, es...).When(c).Then(e)
			es = plus[CremationEvent](es, e)
			if left, ok := spec.Given(t, es...).State().CodeWrong(c.ID); !ok || left != 4-i {
				t.Errorf("after %d wrong codes: %d left, %v", i+1, left, ok)
			}
		}
		spec.Given(t, es...).When(wrong(126)).Rejects(ErrCodeBlocked)
		spec.Given(t, es...).When(with(collect2, func(c *ReleaseAshes) { c.Act = at("staff-desk", 127) })).Rejects(ErrCodeBlocked)
		if _, ok := spec.Given(t, es...).State().CodeWrong(caseB); ok {
			t.Error("a command that was never sent is no wrong try")
		}
		fresh := with(codeSent, func(e *ReleaseCodeIssued) { e.Code = codeB })
		spec.Given(t, plus[CremationEvent](es, fresh)...).When(with(collect2, func(c *ReleaseAshes) { c.Act = at("staff-desk", 128) })).
			Then(with(gone, func(e *AshesReleased) { e.Code = codeB }))
	})
	t.Run("the right code after a wrong one opens", func(t *testing.T) {
		c := wrong(120)
		spec.Given(t, plus[CremationEvent](coded, ReleaseCodeWrong{codeA, 1, c.ID, "staff-desk"})...).When(with(collect2, func(c *ReleaseAshes) { c.Act = at("staff-desk", 121) })).Then(gone)
	})
	t.Run("once handed over nothing follows", func(t *testing.T) {
		after := plus[CremationEvent](coded, gone)
		spec.Given(t, after...).When(collect2).Then()
		spec.Given(t, after...).When(with(collect2, func(c *ReleaseAshes) { c.Share = 1 })).Then()
		spec.Given(t, after...).When(with(collect2, func(c *ReleaseAshes) { c.To = neighbour })).Rejects(ErrReleased)
		spec.Given(t, after...).When(PlaceHold{at("staff-desk", 130), holdA, HoldDispute, "x", ""}).Rejects(ErrReleased)
	})
	t.Run("a code that was sent counts under the first rules too", func(t *testing.T) {
		es := plus[CremationEvent](burnt, codeSent)
		es[0] = received
		spec.Given(t, es...).When(with(collect2, func(c *ReleaseAshes) { c.Receipt = domain.Private[string]{} })).Rejects(ErrBothSign)
		spec.Given(t, es...).When(collect2).Then(gone)
	})
	t.Run("a new collector needs a new code", func(t *testing.T) {
		es := plus[CremationEvent](coded, Corrected{holdA, FieldCollector, domain.Personal(handler, string(handler)), domain.Personal(handler, string(neighbour)), "x", ""})
		spec.Given(t, es...).When(with(collect2, func(c *ReleaseAshes) { c.To = neighbour })).Rejects(ErrCodeNeeded)
		spec.Given(t, es...).When(collect2).Rejects(ErrNotCollector)
	})
	t.Run("a hash that is forgotten opens to nobody", func(t *testing.T) {
		es := plus[CremationEvent](burnt, with(codeSent, func(e *ReleaseCodeIssued) { e.Hash.SetForgotten(handler) }))
		spec.Given(t, es...).When(collect2).Then(ReleaseCodeWrong{codeA, 1, collect2.ID, "staff-desk"})
	})
	issue := IssueReleaseCode{Act: at("staff-desk", 110), Code: codeA, To: handler, Salt: salt, Hash: hash}
	t.Run("a code goes to the collector, as a salted hash that is sealed", func(t *testing.T) {
		spec.Given(t, burnt...).When(issue).Then(codeSent)
		spec.Given(t, burnt...).When(with(issue, func(c *IssueReleaseCode) { c.Valid, c.Tries = time.Hour, 3 })).
			Then(with(codeSent, func(e *ReleaseCodeIssued) { e.Expires, e.Tries = noon.Add(170*time.Minute), 3 }))
		spec.Given(t, burnt...).When(with(issue, func(c *IssueReleaseCode) { c.To = neighbour })).Rejects(ErrNotCollector)
		spec.Given(t, burnt...).When(with(issue, func(c *IssueReleaseCode) { c.Salt = "short" })).Rejects(ErrCodeInvalid)
		spec.Given(t, burnt...).When(with(issue, func(c *IssueReleaseCode) { c.Hash = domain.Personal(handler, code) })).Rejects(ErrCodeInvalid)
		spec.Given(t, burnt...).When(with(issue, func(c *IssueReleaseCode) { c.Hash = domain.Personal(neighbour, HashCode(salt, code)) })).Rejects(ErrCodeInvalid)
		spec.Given(t, burnt...).When(with(issue, func(c *IssueReleaseCode) { c.Code = uuid.Nil })).Rejects(ErrCodeInvalid)
		spec.Given(t, coded...).When(with(issue, func(c *IssueReleaseCode) { c.Act = at("staff-desk", 111) })).Rejects(ErrCodeInvalid)
		spec.Given(t, plus[CremationEvent](burnt, held)...).When(issue).Rejects(ErrHeld)
		spec.Given(t, burnt[:7]...).When(issue).Rejects(ErrNoAshes)
	})
	t.Run("the hash knows the salt and forgives how a code is read out", func(t *testing.T) {
		if HashCode(salt, "7k2m94qx") != HashCode(salt, code) || HashCode("b7d1f0c2a9e84d54", code) == HashCode(salt, code) || HashCode(salt, "7K2M-94QY") == HashCode(salt, code) {
			t.Error("hash")
		}
	})
}

// I10: shares of a split sum to the whole, labelled from the case, sealed by two.
func TestSplit(t *testing.T) {
	split := SplitAshes{Act: at("staff-3", 115), Request: halved.Request, Form: halved.Form, Into: []Part{
		{WeightG: 1350, Containers: 1, Label: "T-0001-2", SealedBy: [2]string{"staff-3", "staff-4"}},
		{WeightG: 1000, Containers: 1, Label: "T-0001-3", Collector: neighbour, SealedBy: [2]string{"staff-3", "staff-4"}}}}
	change := func(i int, f func(*Part)) SplitAshes {
		return with(split, func(c *SplitAshes) { c.Into = append([]Part(nil), c.Into...); f(&c.Into[i]) })
	}
	t.Run("the parts are the whole", func(t *testing.T) {
		spec.Given(t, burnt...).When(split).Then(halved)
		spec.Given(t, burnt...).When(change(0, func(p *Part) { p.WeightG = 1349 })).Rejects(ErrShareSum)
		spec.Given(t, burnt...).When(change(0, func(p *Part) { p.WeightG = 1351 })).Rejects(ErrShareSum)
		spec.Given(t, burnt...).When(change(0, func(p *Part) { p.WeightG = 0 })).Rejects(ErrShareParts)
		spec.Given(t, burnt...).When(change(0, func(p *Part) { p.WeightG = -1 })).Rejects(ErrShareParts)
		spec.Given(t, burnt...).When(change(0, func(p *Part) { p.Containers = 0 })).Rejects(ErrShareParts)
		spec.Given(t, burnt...).When(with(split, func(c *SplitAshes) { c.Into = c.Into[:1] })).Rejects(ErrShareParts)
	})
	t.Run("labels come from the case, seals from two", func(t *testing.T) {
		spec.Given(t, burnt...).When(change(1, func(p *Part) { p.Label = "T-0002-3" })).Rejects(ErrShareLabel)
		spec.Given(t, burnt...).When(change(1, func(p *Part) { p.Label = "T-0001-2" })).Rejects(ErrShareLabel)
		spec.Given(t, burnt...).When(change(1, func(p *Part) { p.SealedBy[1] = "staff-3" })).Rejects(ErrAshSeal)
	})
	t.Run("the family asks for it in writing", func(t *testing.T) {
		spec.Given(t, burnt...).When(with(split, func(c *SplitAshes) { c.Request = domain.Private[string]{} })).Rejects(ErrSplitRequest)
		spec.Given(t, burnt...).When(with(split, func(c *SplitAshes) { c.Form = "" })).Rejects(ErrSplitRequest)
	})
	es := plus[CremationEvent](burnt, halved)
	t.Run("each share goes to its own collector", func(t *testing.T) {
		one := with(codeSent, func(e *ReleaseCodeIssued) { e.Share = 2 })
		two := with(codeSent, func(e *ReleaseCodeIssued) {
			e.Share, e.Code, e.To, e.Hash = 3, codeB, neighbour, domain.Personal(neighbour, HashCode(salt, code))
		})
		both := plus[CremationEvent](es, one, two)
		spec.Given(t, both...).When(collect2).Rejects(ErrShare)
		spec.Given(t, both...).When(with(collect2, func(c *ReleaseAshes) { c.Share = 1 })).Rejects(ErrShare)
		spec.Given(t, both...).When(with(collect2, func(c *ReleaseAshes) { c.Share = 3 })).Rejects(ErrNotCollector)
		first := with(gone, func(e *AshesReleased) { e.Share = 2 })
		spec.Given(t, both...).When(with(collect2, func(c *ReleaseAshes) { c.Share = 2 })).Then(first)
		s := spec.Given(t, plus[CremationEvent](both, first)...).State()
		if s.Released.To != "" || s.Custodian() != (Custodian{}) {
			t.Errorf("half of the ashes are still here: %v %v", s.Released, s.Custodian())
		}
		spec.Given(t, plus[CremationEvent](both, first)...).When(PlaceHold{at("staff-desk", 130), holdA, HoldDispute, "x", ""}).Then(HoldPlaced{holdA, HoldDispute, "x", ""})
		last := with(gone, func(e *AshesReleased) { e.Share, e.To, e.Code = 3, neighbour, codeB })
		if s := spec.Given(t, plus[CremationEvent](both, first, last)...).State(); s.Released != last {
			t.Errorf("%v", s.Released)
		}
	})
	t.Run("a share is split again under new numbers", func(t *testing.T) {
		again := SplitAshes{Act: at("staff-3", 116), Share: 3, Request: halved.Request, Form: halved.Form, Into: []Part{
			{WeightG: 400, Containers: 1, Label: "T-0001-4", SealedBy: [2]string{"staff-3", "staff-4"}},
			{WeightG: 600, Containers: 1, Label: "T-0001-5", SealedBy: [2]string{"staff-3", "staff-4"}}}}
		spec.Given(t, es...).When(again).Then(AshesSplit{3, []Part{{4, 400, 1, "T-0001-4", neighbour, [2]string{"staff-3", "staff-4"}},
			{5, 600, 1, "T-0001-5", neighbour, [2]string{"staff-3", "staff-4"}}}, halved.Request, halved.Form})
	})
	t.Run("not in its niche", func(t *testing.T) {
		spec.Given(t, plus[CremationEvent](burnt, deposit)...).When(split).Rejects(ErrDeposited)
	})
}

// I11: from completion to final disposition ashes have one custodian and place;
// a term that runs out ends nothing.
func TestDeposit(t *testing.T) {
	put := DepositAshes{Act: at("staff-3", 126), Label: "T-0001", From: ashesRoom, To: niche, Out: deposit.Out, In: deposit.In, Until: "2027-11-23", Agreement: "JC-7", Form: "DL-JC-2026.1"}
	in := plus[CremationEvent](burnt, deposit)
	t.Run("a share is scanned into its niche, for a term, under an agreement", func(t *testing.T) {
		spec.Given(t, burnt...).When(put).Then(deposit)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.Agreement = "" })).Rejects(ErrTerm)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.Form = "" })).Rejects(ErrTerm)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.Until = "2026-11-23" })).Rejects(ErrTerm)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.To = ashesRoom })).Rejects(ErrMoveNowhere)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.To = bay14 })).Rejects(ErrPlace)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.Label = "T-0002" })).Rejects(ErrShareLabel)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.From = niche })).Rejects(ErrMoveOrigin)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.In.By = "" })).Rejects(ErrScan)
		spec.Given(t, burnt...).When(with(put, func(c *DepositAshes) { c.In.At = c.Now.Add(1) })).Rejects(domain.ErrFuture)
		spec.Given(t, in...).When(put).Then()
		spec.Given(t, in...).When(with(put, func(c *DepositAshes) {
			c.Act, c.From, c.To, c.Out, c.In = at("staff-3", 140), niche, Place{InNiche, "B-1"}, scan("staff-3", 139), scan("staff-4", 140)
		})).Rejects(ErrDeposited)
		spec.Given(t, burnt...).When(ExtendDeposit{at("staff-3", 200), 2, "2028-11-23", "JC-8"}).Rejects(ErrShare)
	})
	t.Run("and out again", func(t *testing.T) {
		out := WithdrawAshes{Act: at("staff-3", 140), Label: "T-0001", From: niche, To: ashesRoom, Out: scan("staff-3", 138), In: scan("staff-4", 139)}
		spec.Given(t, in...).When(out).Then(AshesWithdrawn{1, niche, ashesRoom, out.Out, out.In})
		spec.Given(t, burnt...).When(with(out, func(c *WithdrawAshes) { c.From, c.To = ashesRoom, Place{InAshesRoom, "2"} })).Rejects(ErrNotDeposited)
		spec.Given(t, in...).When(with(out, func(c *WithdrawAshes) { c.To = Place{InNiche, "B-1"} })).Rejects(ErrPlace)
		spec.Given(t, in...).When(with(out, func(c *WithdrawAshes) { c.Out.At = deposit.In.At.Add(-1) })).Rejects(ErrScanOrder)
	})
	t.Run("a move is a move, not a deposit", func(t *testing.T) {
		move := MoveAshes{Act: at("staff-3", 126), Label: "T-0001", From: ashesRoom, To: Place{InAshesRoom, "2"}, Out: deposit.Out, In: deposit.In}
		spec.Given(t, burnt...).When(move).Then(AshesMoved{1, ashesRoom, Place{InAshesRoom, "2"}, deposit.Out, deposit.In})
		spec.Given(t, burnt...).When(with(move, func(c *MoveAshes) { c.To = niche })).Rejects(ErrPlace)
		spec.Given(t, in...).When(with(move, func(c *MoveAshes) { c.From, c.Act, c.Out, c.In = niche, at("a", 140), scan("a", 139), scan("a", 140) })).Rejects(ErrDeposited)
	})
	t.Run("the term is lengthened, never shortened", func(t *testing.T) {
		longer := ExtendDeposit{at("staff-3", 200), 1, "2028-11-23", "JC-8"}
		spec.Given(t, in...).When(longer).Then(DepositExtended{1, "2028-11-23", "JC-8"})
		spec.Given(t, in...).When(with(longer, func(c *ExtendDeposit) { c.Until = "2027-11-22" })).Rejects(ErrTerm)
		spec.Given(t, in...).When(with(longer, func(c *ExtendDeposit) { c.Agreement = "" })).Rejects(ErrTerm)
		spec.Given(t, burnt...).When(longer).Rejects(ErrNotDeposited)
	})
	t.Run("a term that ran out only makes a list", func(t *testing.T) {
		s := spec.Given(t, in...).State()
		if got := s.Expired("2027-11-23"); len(got) != 0 {
			t.Error(got)
		}
		if got := s.Expired("2027-11-24"); len(got) != 1 || got[0] != (ExpiredTerm{1, "2027-11-23"}) {
			t.Error(got)
		}
		if h := s.Holdings(); len(h) != 1 || h[0].Place != niche || h[0].Custodian.Institution != home {
			t.Error(h)
		}
	})
}

// Unclaimed ashes: notice, decision, two people; never a clock.
func TestRest(t *testing.T) {
	day := func(account, date string) domain.Act {
		return domaintest.At(account, domain.Date(date).Start().Add(12*time.Hour))
	}
	notice := NoticePublished{1, "公告 3 号", "2026-11-23", "2026-11-23"}
	publish := PublishNotice{Act: at("staff-desk", 200), Document: "公告 3 号", PublishedOn: "2026-11-23"}
	noticed := plus[CremationEvent](burnt, notice)
	propose := ProposeRest{Act: day("staff-desk", "2026-12-23"), Way: "TREE", Document: "民政函 1 号", After: 30}
	proposed := RestProposed{1, "TREE", "民政函 1 号", "staff-desk"}
	approve := ApproveRest{day("staff-director", "2026-12-24"), 0}
	rest := LaidToRest{1, "TREE", "民政函 1 号", "staff-desk", "staff-director"}
	t.Run("a notice is published on a day that has come", func(t *testing.T) {
		spec.Given(t, burnt...).When(publish).Then(notice)
		spec.Given(t, burnt...).When(with(publish, func(c *PublishNotice) { c.PublishedOn = "2026-11-24" })).Rejects(ErrDay)
		spec.Given(t, burnt...).When(with(publish, func(c *PublishNotice) { c.Document = "" })).Rejects(ErrNotice)
		spec.Given(t, noticed...).When(with(publish, func(c *PublishNotice) { c.PublishedOn = "2026-11-22" })).Rejects(ErrNotice)
	})
	t.Run("a notice that is recorded late runs from then; one of a log that did not say so, from its date", func(t *testing.T) {
		late := with(notice, func(e *NoticePublished) { e.PublishedOn = "2026-10-01" })
		spec.Given(t, burnt...).When(with(publish, func(c *PublishNotice) { c.PublishedOn = "2026-10-01" })).Then(late)
		spec.Given(t, plus[CremationEvent](burnt, late)...).When(with(publish, func(c *PublishNotice) { c.Act, c.PublishedOn = day("staff-desk", "2026-11-25"), "2026-10-01" })).Then()
		spec.Given(t, plus[CremationEvent](burnt, late)...).When(with(propose, func(c *ProposeRest) { c.Act = day("staff-desk", "2026-12-22") })).Rejects(ErrRest)
		spec.Given(t, plus[CremationEvent](burnt, late)...).When(propose).Then(proposed)
		old := with(late, func(e *NoticePublished) { e.RunsFrom = "" })
		spec.Given(t, plus[CremationEvent](burnt, old)...).When(with(propose, func(c *ProposeRest) { c.Act = day("staff-desk", "2026-11-23") })).Then(proposed)
	})
	t.Run("somebody proposes, after the notice's days, with a document", func(t *testing.T) {
		spec.Given(t, noticed...).When(propose).Then(proposed)
		spec.Given(t, noticed...).When(with(propose, func(c *ProposeRest) { c.Act = day("staff-desk", "2026-12-22") })).Rejects(ErrRest)
		spec.Given(t, burnt...).When(propose).Rejects(ErrRest)
		spec.Given(t, noticed...).When(with(propose, func(c *ProposeRest) { c.Document = "" })).Rejects(ErrRest)
		spec.Given(t, noticed...).When(with(propose, func(c *ProposeRest) { c.By = "policy:ashes" })).Rejects(ErrByClock)
	})
	t.Run("somebody else approves", func(t *testing.T) {
		spec.Given(t, plus[CremationEvent](noticed, proposed)...).When(approve).Then(rest)
		spec.Given(t, plus[CremationEvent](noticed, proposed)...).When(with(approve, func(c *ApproveRest) { c.By = "staff-desk" })).Rejects(ErrRestSelf)
		spec.Given(t, plus[CremationEvent](noticed, proposed)...).When(with(approve, func(c *ApproveRest) { c.By = "policy:ashes" })).Rejects(ErrByClock)
		spec.Given(t, noticed...).When(approve).Rejects(ErrRestProposed)
		spec.Given(t, plus[CremationEvent](noticed, proposed, held)...).When(approve).Rejects(ErrHeld)
	})
	t.Run("then it is final", func(t *testing.T) {
		after := plus[CremationEvent](noticed, proposed, rest)
		spec.Given(t, after...).When(approve).Rejects(ErrAtRest)
		spec.Given(t, after...).When(with(collect2, func(c *ReleaseAshes) { c.Share = 1 })).Rejects(ErrAtRest)
		if h := spec.Given(t, after...).State().Holdings(); len(h) != 1 || h[0].Rest != "TREE" || h[0].Custodian != (Custodian{}) {
			t.Error(h)
		}
	})
}

// I10, I11: whatever is sent, the holdings are the whole, each with one
// custodian and place, and nothing leaves without code, person and two sides.
func TestAshesHistories(t *testing.T) {
	releases, splits, wrongs, deposits, rests := 0, 0, 0, 0, 0
	domaintest.Check(t, func(t *rapid.T) {
		minute, n := 120, 0
		id := func() uuid.UUID { n++; return uuid.NewSHA1(uuid.Nil, fmt.Append(nil, n)) }
		yes := func(label string) bool { return rapid.IntRange(0, 5).Draw(t, label) > 0 }
		account := rapid.SampledFrom([]string{"staff-3", "staff-4", "staff-5", "staff-6", "policy:ashes"})
		person := rapid.SampledFrom([]domain.Subject{handler, handler, neighbour})
		draw := func(s CremationState) CremationCommand {
			minute += rapid.IntRange(0, 400).Draw(t, "minutes")
			act := at(account.Draw(t, "by"), minute)
			act.ID = id()
			share := rapid.IntRange(0, len(s.Shares)).Draw(t, "share")
			for _, x := range s.Shares { // mostly one that is still here
				if share == 0 || !s.Shares[share-1].InCustody() && x.InCustody() && yes("present") {
					share = x.Share
				}
			}
			x := Share{Part: Part{Label: "T-0001"}, Place: ashesRoom}
			if share > 0 {
				x = s.Shares[share-1]
			}
			from := x.Place
			if !yes("origin") {
				from = niche
			}
			out, in := scan("staff-3", minute-1), scan("staff-4", minute)
			switch rapid.IntRange(0, 14).Draw(t, "command") {
			case 0, 1:
				w := rapid.IntRange(0, max(0, x.WeightG)).Draw(t, "weight")
				rest := x.WeightG - w
				if !yes("sum") {
					rest++
				}
				seal := [2]string{"staff-3", rapid.SampledFrom([]string{"staff-3", "staff-4", "staff-4"}).Draw(t, "seal")}
				return SplitAshes{Act: act, Share: share, Request: halved.Request, Form: "v1", Into: []Part{
					{WeightG: w, Containers: 1, Label: AshLabel("T-0001", s.NextShare()), SealedBy: seal},
					{WeightG: rest, Containers: 1, Label: AshLabel("T-0001", s.NextShare()+1), Collector: person.Draw(t, "collector"), SealedBy: seal}}}
			case 2:
				return DepositAshes{Act: act, Share: share, Label: x.Label, From: from, To: niche, Out: out, In: in, Until: "2030-01-01", Agreement: "JC", Form: "v1"}
			case 3:
				return WithdrawAshes{Act: act, Share: share, Label: x.Label, From: from, To: ashesRoom, Out: out, In: in}
			case 4:
				return MoveAshes{Act: act, Share: share, Label: x.Label, From: from, To: Place{InAshesRoom, "2"}, Out: out, In: in}
			case 5, 6:
				to := x.Collector
				if !yes("collector") {
					to = person.Draw(t, "to")
				}
				return IssueReleaseCode{Act: act, Code: id(), Share: share, To: to, Salt: salt, Hash: domain.Personal(to, HashCode(salt, code)), Tries: 2}
			case 7, 8, 9:
				c := with(collect2, func(c *ReleaseAshes) { c.Act, c.Share, c.To = act, share, x.Collector })
				if !yes("collector") {
					c.To = person.Draw(t, "to")
				}
				if rapid.IntRange(0, 2).Draw(t, "code") == 0 {
					c.Code = "wrong"
				}
				if !yes("tail") {
					c.IDTail = "9999"
				}
				return c
			case 10:
				return PublishNotice{act, share, "公告", domain.DateOf(act.Now)}
			case 11:
				return ProposeRest{act, share, "TREE", "x", 0}
			case 12, 13:
				return ApproveRest{act, share}
			default:
				if yes("no hold") {
					return PublishNotice{act, share, "公告", domain.DateOf(act.Now)}
				}
				return PlaceHold{act, id(), HoldDispute, "x", ""}
			}
		}
		d := Cremation
		d.Initial = d.Fold(d.Initial, burnt...)
		domaintest.Random(t, d, draw, func(s CremationState, history []CremationEvent) {
			sum := 0
			for _, h := range s.Holdings() {
				sum += h.WeightG
				has := 0
				for _, yes := range []bool{h.Custodian.Institution != "", h.Custodian.Person != "", h.Rest != ""} {
					if yes {
						has++
					}
				}
				if has != 1 || (h.Custodian.Institution != "") != (h.Place.Kind != "") {
					t.Fatalf("%#v", h)
				}
			}
			if sum != ashes.WeightG {
				t.Fatalf("%d g of %d: %#v", sum, ashes.WeightG, s.Holdings())
			}
			sent, tries := map[int]ReleaseCodeIssued{}, map[uuid.UUID]int{}
			open := false
			for _, e := range history {
				switch e := e.(type) {
				case AshesSplit:
					splits++
					for _, p := range e.Into {
						if p.SealedBy[0] == p.SealedBy[1] || p.WeightG < 1 || p.Label != AshLabel("T-0001", p.Share) {
							t.Fatalf("%#v", p)
						}
					}
				case AshesDeposited:
					deposits++
				case ReleaseCodeIssued:
					sent[e.Share] = e
				case ReleaseCodeWrong:
					wrongs++
					tries[e.Code]++
					if tries[e.Code] > sent[e.Share].Tries {
						t.Fatalf("%d wrong tries", tries[e.Code])
					}
				case HoldPlaced:
					open = true
				case AshesReleased:
					releases++
					c := sent[e.Share]
					if open || e.To != c.To || e.Code != c.Code || e.Code == uuid.Nil || tries[e.Code] >= c.Tries || e.Giver == "policy:ashes" {
						t.Fatalf("%#v against %#v after %d wrong tries", e, c, tries[e.Code])
					}
					delete(sent, e.Share)
				case LaidToRest:
					rests++
					if open || e.ProposedBy == e.ApprovedBy || e.ApprovedBy == "policy:ashes" || e.ProposedBy == "policy:ashes" {
						t.Fatalf("%#v", e)
					}
				}
			}
		})
	}, &releases, &splits, &wrongs, &deposits, &rests)
}
