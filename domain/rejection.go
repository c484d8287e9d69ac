package domain

import "fmt"

// A Rejection is a rule's "no". Code is stable and goes on the wire; the texts
// are for the person who asked, in the two languages of the program.
type Rejection struct {
	Code   string
	Zh, En string
	// Rule is the invariant or rule number of our own design (I16, PR-2, E-3);
	// Basis is the document behind it, empty where the rule is ours alone.
	Rule, Basis string
	// Lost is set when the request was in order and somebody else was faster.
	Lost bool
	args []any
}

// Reject declares a rejection. zh and en may hold fmt verbs that With fills.
func Reject(code, zh, en string) *Rejection { return &Rejection{Code: code, Zh: zh, En: en} }

// Under names the rule and, where there is one, the document it rests on.
func (r *Rejection) Under(rule, basis string) *Rejection {
	c := *r
	c.Rule, c.Basis = rule, basis
	return &c
}

// Race marks the rejection as one that a faster competitor causes.
func (r *Rejection) Race() *Rejection {
	c := *r
	c.Lost = true
	return &c
}

// With fills the verbs of both texts.
func (r *Rejection) With(args ...any) *Rejection {
	c := *r
	c.args = args
	return &c
}

// Text is the rejection for a person, in "zh" or "en".
func (r *Rejection) Text(lang string) string {
	t := r.Zh
	if lang == "en" {
		t = r.En
	}
	if len(r.args) == 0 {
		return t
	}
	return fmt.Sprintf(t, r.args...)
}

func (r *Rejection) Error() string { return r.Code + ": " + r.Text("en") }

// Is matches on Code, so errors.Is(err, ErrSlotTaken) holds whatever With said.
func (r *Rejection) Is(target error) bool {
	o, ok := target.(*Rejection)
	return ok && o.Code == r.Code
}
