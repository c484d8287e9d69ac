package access

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
)

var nine = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

func by(account string, at time.Time) domain.Act {
	return domain.Act{ID: uuid.New(), By: account, Now: at, At: at}
}

func TestTurningPagesIsOneLook(t *testing.T) {
	s := Case.Initial
	looks := func(account string, what What, reason string, after time.Duration) (int, error) {
		es, err := Case.Decide(s, Look{by(account, nine.Add(after)), what, reason})
		s = Case.Fold(s, es...)
		return len(es), err
	}
	for _, tc := range []struct {
		account string
		what    What
		reason  string
		after   time.Duration
		events  int
		err     error
	}{
		{"desk-0101", File, "", 0, 1, nil},
		{"desk-0101", File, "", 29 * time.Minute, 0, nil},
		{"desk-0102", File, "", 29 * time.Minute, 1, nil},
		{"desk-0101", Paper, "", 29 * time.Minute, 1, nil},
		{"desk-0101", Paper, "label", 29 * time.Minute, 1, nil},
		{"desk-0101", Paper, "label", 29 * time.Minute, 1, nil},
		{"desk-0101", File, "", 30 * time.Minute, 1, nil},
		{"desk-0101", Numbers, "  ", 30 * time.Minute, 0, ErrReason},
		{"desk-0101", Numbers, "family asks by telephone", 30 * time.Minute, 1, nil},
		{"desk-0101", Numbers, "", 31 * time.Minute, 0, ErrReason},
		{"desk-0101", Numbers, "again", 31 * time.Minute, 1, nil},
		{"desk-0101", "", "", 31 * time.Minute, 0, ErrWhat},
	} {
		n, err := looks(tc.account, tc.what, tc.reason, tc.after)
		if n != tc.events || !errors.Is(err, tc.err) {
			t.Errorf("%s looks at %s after %s: %d events, %v; want %d, %v", tc.account, tc.what, tc.after, n, err, tc.events, tc.err)
		}
	}
	if s.Reads != 8 || s.Prints["label"] != 2 {
		t.Errorf("%d looks, %d labels", s.Reads, s.Prints["label"])
	}
}

func TestARefusalIsKeptAndNoLook(t *testing.T) {
	es, err := Case.Decide(Case.Initial, Refuse{by("desk-0901", nine), File})
	if err != nil || len(es) != 1 || es[0] != (Refused{"desk-0901", File, nine}) {
		t.Fatalf("%v, %v", es, err)
	}
	if s := Case.Fold(Case.Initial, es...); s.Reads != 0 {
		t.Error("a refusal counts as a look")
	}
}

func TestTheStateBeforeStaysWhatItWas(t *testing.T) {
	one := Case.Fold(Case.Initial, Read{"desk-0101", File, "", nine})
	Case.Evolve(one, Read{"desk-0102", File, "", nine})
	if len(one.last) != 1 {
		t.Error("folding changed an earlier state")
	}
}
