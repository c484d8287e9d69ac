package booking_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"shenzhong/domain"
	. "shenzhong/domain/booking"
	"shenzhong/domain/domaintest"
)

const sister = domain.Subject("5d0c1a3e-0000-4000-8000-000000000003")

var letter = domain.Personal(kin, "委托书 2026-11-22")

func TestAuthorise(t *testing.T) {
	a := Authorise{Act: by, Kind: ByLetter, Document: letter, Scope: []Scope{CollectAsh, Arrange, Arrange}, ValidUntil: "2026-12-31"}
	given := Authorised{kin, Child, ByLetter, letter, []Scope{Arrange, CollectAsh}, "2026-12-31"}
	t.Run("on what authority rests, for what and until when, is an event", func(t *testing.T) {
		spec.Given(t, opened).When(a).Then(given)
	})
	for name, edit := range map[string]func(*Authorise){
		"its ground is one of the list":          func(a *Authorise) { a.Kind = "SAYS_SO" },
		"a letter is there to be seen":           func(a *Authorise) { a.Document = domain.Private[string]{} },
		"an office is none for a child":          func(a *Authorise) { a.Kind = ByOffice },
		"it covers something":                    func(a *Authorise) { a.Scope = nil },
		"and nothing but what there is":          func(a *Authorise) { a.Scope = []Scope{"SELL_HOUSE"} },
		"it has not ended before it is recorded": func(a *Authorise) { a.ValidUntil = day.AddDays(-1) },
		"its last day is one of the calendar":    func(a *Authorise) { a.ValidUntil = "2026-11-31" },
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, opened).When(with(a, edit)).Rejects(ErrAuthority) })
	}
	t.Run("an agent is no kin", func(t *testing.T) {
		o := with(opened, func(o *Opened) { o.Handler.Relation = Agent })
		spec.Given(t, o).When(Authorise{Act: by, Kind: ByKinship, Scope: []Scope{Arrange}}).Rejects(ErrAuthority)
	})
	t.Run("a document is kept under the handler", func(t *testing.T) {
		spec.Given(t, opened).When(with(a, func(a *Authorise) { a.Document = domain.Personal(dead, "x") })).Rejects(ErrPerson)
	})
	t.Run("who was sent by the family agrees to nothing before the letter is seen", func(t *testing.T) {
		o := with(opened, func(o *Opened) { o.Handler.Relation = Agent })
		spec.Given(t, o, quoted).When(Consent{by, "q1", quoted.Total}).Rejects(ErrNoAuthority)
		spec.Given(t, o, quoted, with(given, func(a *Authorised) { a.Relation = Agent })).When(Consent{by, "q1", quoted.Total}).Then(Consented{"q1", quoted.Total, kin})
	})
	t.Run("nor beyond the letter's scope or day", func(t *testing.T) {
		spec.Given(t, opened, quoted, with(given, func(a *Authorised) { a.Scope = []Scope{CollectAsh} })).When(Consent{by, "q1", quoted.Total}).Rejects(ErrScope)
		spec.Given(t, opened, quoted, with(given, func(a *Authorised) { a.ValidUntil = day.AddDays(-1) })).When(Consent{by, "q1", quoted.Total}).Rejects(ErrAuthorityExpired)
		spec.Given(t, opened, quoted, with(given, func(a *Authorised) { a.ValidUntil = day })).When(Consent{by, "q1", quoted.Total}).Then(Consented{"q1", quoted.Total, kin})
		s := spec.Given(t, opened, given).State()
		if s.May(CollectAsh, day) != nil || !errors.Is(s.May(SignFor, day), ErrScope) {
			t.Error(s.May(CollectAsh, day), s.May(SignFor, day))
		}
	})
}

func challenge(id string, r Relation) Challenge {
	return Challenge{Act: by, Challenge: id, Person: sister, Name: domain.Personal(sister, "林某"), Phone: domain.Personal(sister, "13900000413"), Relation: r,
		Ground: domain.Personal(sister, "母亲还在，应当由母亲决定")}
}

func challenged(id string, r Relation, prior bool) Challenged {
	c := challenge(id, r)
	return Challenged{id, sister, c.Name, c.Phone, r, c.Ground, prior, DefaultOrder}
}

func TestChallenge(t *testing.T) {
	disputed := []Event{opened, quoted, challenged("c1", Spouse, true)}
	t.Run("any relative may dispute who acts, and it is known who comes first", func(t *testing.T) {
		spec.Given(t, opened).When(challenge("c1", Spouse)).Then(challenged("c1", Spouse, true))
		spec.Given(t, opened).When(challenge("c1", Sibling)).Then(challenged("c1", Sibling, false))
	})
	t.Run("the order of right is a parameter", func(t *testing.T) {
		order := []Relation{Child, Spouse}
		spec.Given(t, opened).When(with(challenge("c1", Spouse), func(c *Challenge) { c.Order = order })).
			Then(with(challenged("c1", Spouse, false), func(c *Challenged) { c.Order = order }))
	})
	t.Run("whom the deceased named comes first whatever the order", func(t *testing.T) {
		will := Authorised{kin, Child, ByDesignation, letter, []Scope{Arrange}, ""}
		spec.Given(t, opened, will).When(challenge("c1", Spouse)).Then(challenged("c1", Spouse, false))
	})
	t.Run("while it is open the handler agrees to nothing and takes nothing away", func(t *testing.T) {
		g := spec.Given(t, disputed...)
		g.When(Consent{by, "q1", quoted.Total}).Rejects(ErrDisputed)
		g.When(DeclineQuote{by, "q1"}).Rejects(ErrDisputed)
		g.When(Cancel{by, MovedElsewhere}).Rejects(ErrDisputed)
		g.When(ReplaceHandler{Act: by, HandlerReplaced: HandlerReplaced{Handler: other, Document: "协议"}}).Rejects(ErrDisputed)
		g.When(Authorise{Act: by, Kind: ByKinship, Scope: []Scope{Arrange}}).Rejects(ErrDisputed)
		if !g.State().Disputed() || !errors.Is(g.State().May(SignFor, day), ErrDisputed) {
			t.Error("not disputed")
		}
	})
	resolved := ChallengeResolved{"c1", Dismissed, "街道调解记录（演示）"}
	t.Run("it ends with an outcome and its paper", func(t *testing.T) {
		spec.Given(t, disputed...).When(ResolveChallenge{by, resolved}).Then(resolved)
		spec.Given(t, disputed...).When(ResolveChallenge{by, with(resolved, func(r *ChallengeResolved) { r.Document = "" })}).Rejects(ErrOutcome)
		spec.Given(t, disputed...).When(ResolveChallenge{by, with(resolved, func(r *ChallengeResolved) { r.Outcome = "TIRED" })}).Rejects(ErrOutcome)
		spec.Given(t, opened).When(ResolveChallenge{by, resolved}).Rejects(ErrNoChallenge)
		spec.Given(t, append(disputed, resolved)...).When(ResolveChallenge{by, with(resolved, func(r *ChallengeResolved) { r.Outcome = Upheld })}).Rejects(ErrChallengeResolved)
		spec.Given(t, append(disputed, resolved)...).When(Consent{by, "q1", quoted.Total}).Then(Consented{"q1", quoted.Total, kin})
	})
	upheld := ChallengeResolved{"c1", Upheld, "法院裁定（演示）"}
	replaced := HandlerReplaced{other, "法院裁定（演示）", "c1"}
	t.Run("when it is upheld nobody acts until another takes over", func(t *testing.T) {
		g := spec.Given(t, append(disputed, upheld)...)
		g.When(Consent{by, "q1", quoted.Total}).Rejects(ErrNoAuthority)
		g.When(Authorise{Act: by, Kind: ByKinship, Scope: []Scope{Arrange}}).Rejects(ErrNoAuthority)
		g.When(ReplaceHandler{Act: by, HandlerReplaced: with(replaced, func(h *HandlerReplaced) { h.Handler = handler })}).Rejects(ErrReplacement)
		g.When(ReplaceHandler{Act: by, HandlerReplaced: replaced}).Then(replaced)
		spec.Given(t, append(disputed, upheld, replaced)...).When(Consent{by, "q1", quoted.Total}).Then(Consented{"q1", quoted.Total, sister})
	})
	t.Run("another takes over only for a challenge that was upheld, with a paper, before the cremation", func(t *testing.T) {
		spec.Given(t, append(disputed, resolved)...).When(ReplaceHandler{Act: by, HandlerReplaced: replaced}).Rejects(ErrReplacement)
		spec.Given(t, opened).When(ReplaceHandler{Act: by, HandlerReplaced: HandlerReplaced{Handler: other}}).Rejects(ErrReplacement)
		spec.Given(t, opened).When(ReplaceHandler{Act: by, HandlerReplaced: HandlerReplaced{Handler: other, Document: "协议"}, Begun: true}).Rejects(ErrAfterCremation)
		spec.Given(t, opened).When(ReplaceHandler{Act: by, HandlerReplaced: HandlerReplaced{Handler: other, Document: "协议"}}).Then(HandlerReplaced{Handler: other, Document: "协议"})
	})
	for name, c := range map[string]struct {
		edit func(*Challenge)
		want error
	}{
		"a challenge has an id":                    {func(c *Challenge) { c.Challenge = "" }, ErrNoID},
		"a name":                                   {func(c *Challenge) { c.Name = domain.Personal(sister, " ") }, ErrChallenge},
		"a relation of the list":                   {func(c *Challenge) { c.Relation = "FRIEND" }, ErrChallenge},
		"a phone that rings":                       {func(c *Challenge) { c.Phone = domain.Personal(sister, "call") }, ErrPhone},
		"and is kept under who objects":            {func(c *Challenge) { c.Name = domain.Personal(kin, "林某") }, ErrPerson},
		"the handler does not dispute the handler": {func(c *Challenge) { c.Person = kin }, ErrOwnAuthority},
		"nor do the dead":                          {func(c *Challenge) { c.Person = dead }, ErrPerson},
	} {
		t.Run(name, func(t *testing.T) { spec.Given(t, opened).When(with(challenge("c1", Spouse), c.edit)).Rejects(c.want) })
	}
	t.Run("one id is one challenge", func(t *testing.T) {
		spec.Given(t, disputed...).When(challenge("c1", Sibling)).Rejects(ErrChallengeExists)
	})
}

var other = Handler{Person: sister, Name: domain.Personal(sister, "林某"), Phone: domain.Personal(sister, "13900000413"), Relation: Sibling}

// Whatever is disputed, resolved, authorised and replaced in whatever order: no
// consent is given while a challenge is open, or by a handler who was unseated,
// or outside an authority; and every consent is by the handler of that moment.
func TestRandomAuthority(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		domaintest.Random(t, Case, func(s State) Command {
			n++
			id := rapid.SampledFrom([]string{"c1", "c2", "c3"})
			switch k := rapid.IntRange(0, 8).Draw(t, "kind"); {
			case !s.Exists():
				return Open{by, with(opened, func(o *Opened) { o.Handler.Relation = rapid.SampledFrom([]Relation{Child, Agent}).Draw(t, "relation") })}
			case k == 0:
				return challenge(id.Draw(t, "challenge"), Spouse)
			case k <= 2:
				return ResolveChallenge{by, ChallengeResolved{id.Draw(t, "challenge"), rapid.SampledFrom(ChallengeOutcomes).Draw(t, "outcome"), "文书"}}
			case k == 3:
				return Authorise{Act: by, Kind: rapid.SampledFrom(AuthorityKinds).Draw(t, "ground"), Document: domain.Personal(s.Handler.Person, "文书"),
					Scope: []Scope{rapid.SampledFrom(Scopes).Draw(t, "scope")}, ValidUntil: rapid.SampledFrom([]domain.Date{"", day, day.AddDays(-1)}).Draw(t, "until")}
			case k == 4:
				return ReplaceHandler{Act: by, HandlerReplaced: HandlerReplaced{Handler: rapid.SampledFrom([]Handler{handler, other}).Draw(t, "handler"), Document: "文书"}}
			case k <= 6 && len(s.Quotes) > 0:
				q := s.Quotes[len(s.Quotes)-1]
				return Consent{by, q.Quote, q.Total}
			}
			return Quote{by, string(rune('a' + n%26)), []Item{item("1", "CRM-FLAT", 1, domain.Money(n))}, prices}
		}, func(s State, history []Event) {
			last, ok := history[len(history)-1].(Consented)
			if !ok {
				return
			}
			before := Case.Fold(Case.Initial, history[:len(history)-1]...)
			switch a := before.Authority; {
			case before.Disputed(), before.Unseated, last.Person != before.Handler.Person,
				a == nil && before.Handler.Relation == Agent,
				a != nil && (!slices.Contains(a.Scope, Arrange) || a.ValidUntil != "" && a.ValidUntil < day):
				t.Fatalf("%+v agreed with %+v", before.Handler, a)
			}
		})
	})
}
