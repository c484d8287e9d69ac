package projections_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"shenzhong/projections/voyages"
)

// TestVoyagesFromTheLog: seats left are the licence less what is taken, and a
// voyage says how far it has come.
func TestVoyagesFromTheLog(t *testing.T) {
	c := newCity(t, 7)
	r := c.open(c.config(t.TempDir()))
	wait(t, r, voyages.Name, c.sail())
	q := voyages.Reader{DB: r.Read(voyages.Name)}
	day := c.today.Start()
	vs, err := q.Between(t.Context(), day, day.AddDate(0, 0, 1), c.homes[0])
	if err != nil {
		t.Fatal(err)
	}
	type seen struct {
		Number                             string
		State                              voyages.State
		Reason                             string
		Left, Bookings, Aboard, Done, Back int
	}
	var got []seen
	for _, v := range vs {
		got = append(got, seen{v.Number, v.State, v.Reason, v.Left(), v.Bookings, v.Aboard, v.Scattered, v.BroughtBack})
	}
	if d := cmp.Diff([]seen{{"V-1", voyages.Ended, "", 35, 2, 2, 1, 1}, {"V-2", voyages.Cancelled, "WEATHER", 37, 1, 0, 0, 0}}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, none := range []func() ([]voyages.Voyage, error){
		func() ([]voyages.Voyage, error) {
			return q.Between(t.Context(), day.AddDate(0, 0, 1), day.AddDate(0, 0, 9), "")
		},
		func() ([]voyages.Voyage, error) { return q.Between(t.Context(), day, day.AddDate(0, 0, 1), "nobody") },
	} {
		if vs, err := none(); len(vs) > 0 || err != nil {
			t.Errorf("%d voyages that there are not (%v)", len(vs), err)
		}
	}
}
