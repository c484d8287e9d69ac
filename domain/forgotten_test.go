package domain_test

import (
	"testing"
	"time"

	. "shenzhong/domain"
	"shenzhong/domain/domaintest"
)

func TestForgetting(t *testing.T) {
	act := Act{By: "staff-0102", Now: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)}
	person := Forgotten{Person: "5f0c7a52-3a0e-4d0b-9d5a-8f5d7c1e2b90", Ground: RetentionEnded}
	spec := domaintest.For(Forgetting)
	spec.Given(t).When(Forget{act, person}).Then(person)
	spec.Given(t, person).When(Forget{act, person}).Then()
	spec.Given(t).When(Forget{act, Forgotten{Ground: RetentionEnded}}).Rejects(ErrForgetWhom)
	spec.Given(t).When(Forget{act, Forgotten{Person: person.Person}}).Rejects(ErrForgetGround)
	spec.Given(t).When(Forget{act, Forgotten{Person: person.Person, Ground: Requested}}).Rejects(ErrForgetGround)
	spec.Given(t).When(Forget{Act{}, person}).Rejects(ErrNoActor)
}
