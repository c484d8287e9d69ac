// Package search is the read model by which a front desk finds a case while
// somebody is still typing: by the name of the deceased or of the handler, its
// pinyin or pinyin initials, the end of an ID or phone number, the tag or the
// case number.
//
// Its file holds personal data in clear. It is for signed-in staff, each within
// their own institution, and for regulators; a person who is forgotten is
// purged from it.
package search

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
	"shenzhong/projections"
)

// A Reader finds cases.
type Reader struct{ DB projections.Querier }

// A Scope is whose cases somebody may find. The zero Scope finds nothing.
type Scope struct {
	institution domain.CreditCode
	everywhere  bool
}

// In finds the cases of one institution: what its desk may see.
func In(institution domain.CreditCode) Scope { return Scope{institution: institution} }

// Everywhere finds the cases of all institutions. It is for regulators.
func Everywhere() Scope { return Scope{everywhere: true} }

// A State is whether a case is still going on.
type State string

// The states of a case.
const (
	Open      State = "open"
	Cancelled State = "cancelled"
	Closed    State = "closed"
)

// A Hit is one case that was found. Numbers show masked; the name is in clear,
// since the desk has to tell people apart.
type Hit struct {
	Case        uuid.UUID         `json:"case"`
	Institution domain.CreditCode `json:"institution"`
	Number      string            `json:"number"` // of the case, on paper
	Tag         string            `json:"tag"`    // empty before the remains have one
	State       State             `json:"state"`
	Opened      time.Time         `json:"opened_at"`
	// Name is empty for an unnamed body (Unnamed says why) and for a person who
	// is forgotten.
	Name    string          `json:"name"`
	Unnamed booking.Unnamed `json:"unnamed,omitzero"`
	Sex     booking.Sex     `json:"sex"`
	// CitizenID is the ID number, or that of the other document, masked:
	// "2102**********0018".
	CitizenID string `json:"citizen_id"`
	Handler   string `json:"handler"`
	Phone     string `json:"phone"` // of the handler, masked: "138****0412"
	// Exact says that what was typed is the whole of a name, number or tail, and
	// not just its beginning.
	Exact bool `json:"exact"`
}

// Limits of one search.
const (
	maxText       = 60   // characters that are looked at
	maxWords      = 4    //
	maxCandidates = 3000 // index entries that one word is followed through
	maxHits       = 200
)

// Find lists at most n cases that fit what was typed so far: exact ones first,
// then the newest. Several words must all fit ("林 0018"). Text shorter than one
// character finds nothing.
func (r Reader) Find(ctx context.Context, in Scope, text string, n int) ([]Hit, error) {
	n = min(max(n, 1), maxHits)
	words := wordsOf(text)
	if len(words) == 0 {
		return nil, nil
	}
	institution := int64(0) // all
	if !in.everywhere {
		err := r.DB.QueryRowContext(ctx, `SELECT coalesce((SELECT no FROM institution WHERE code = ?), -1)`, string(in.institution)).Scan(&institution)
		if err != nil || institution < 0 {
			return nil, err
		}
	}
	// "lin gui zhou" and "林 归舟" are also one word that somebody spaced.
	tries := [][]string{words}
	if joined := strings.Join(words, ""); len(words) > 1 && !slices.ContainsFunc(words, func(w string) bool { return strings.ContainsAny(w, "0123456789") }) {
		tries = append(tries, []string{joined})
	}
	found := map[int64]bool{} // and whether exactly
	for _, words := range tries {
		if err := r.find(ctx, institution, words, n, found); err != nil {
			return nil, err
		}
	}
	return r.hits(ctx, found, n)
}

// wordsOf is what was typed, word by word.
func wordsOf(text string) []string {
	if rs := []rune(text); len(rs) > maxText {
		text = string(rs[:maxText])
	}
	words := strings.FieldsFunc(fold(text), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",，、;；·", r) })
	return words[:min(len(words), maxWords)]
}

// A probe is one way to look a word up.
type probe struct {
	term   string
	prefix bool
	// Of a whole number only the ends are kept; begins is how its masked form
	// must begin.
	begins string
}

func probes(word string) []probe {
	ps := []probe{{term: word, prefix: true}}
	digits := strings.TrimSuffix(word, "x")
	if len(word) > 6 && digits != "" && strings.Trim(digits, "0123456789-+") == "" {
		whole := strings.TrimPrefix(word, "+86")
		begins := ""
		switch len(whole) {
		case 11:
			begins = whole[:3]
		case 18:
			begins = whole[:4]
		}
		if t := tail(whole); len(t) == 6 {
			ps = append(ps, probe{term: t, begins: begins})
		}
	}
	return ps
}

// last is a character after every other.
const last = "\U0010FFFF"

// find adds the entries that fit all words. The longest word is looked up, the
// others are compared.
func (r Reader) find(ctx context.Context, institution int64, words []string, n int, found map[int64]bool) error {
	words = slices.SortedStableFunc(slices.Values(words), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	want := n
	if len(words) > 1 {
		want = maxCandidates
	}
	var candidates []int64
	for _, p := range probes(words[0]) {
		// The exact ones first: they are few, and a prefix that fits many more
		// might push them out.
		for _, exact := range []bool{true, false} {
			if !exact && !p.prefix {
				continue
			}
			until := p.term + last
			if exact {
				until = p.term + "\x00"
			}
			nos, err := r.lookUp(ctx, institution, p.term, until, want)
			if err != nil {
				return err
			}
			if len(words) == 1 && p.begins == "" {
				for _, no := range nos {
					found[no] = found[no] || exact
				}
				continue
			}
			candidates = append(candidates, nos...)
		}
	}
	slices.Sort(candidates)
	for chunk := range slices.Chunk(slices.Compact(candidates), 200) {
		es, err := r.entries(ctx, chunk)
		if err != nil {
			return err
		}
		for _, e := range es {
			if exact, ok := e.fits(words); ok {
				found[e.no] = found[e.no] || exact
			}
		}
	}
	return nil
}

// lookUp answers with the newest entries that have a term in the range.
func (r Reader) lookUp(ctx context.Context, institution int64, from, until string, n int) ([]int64, error) {
	rs, err := r.DB.QueryContext(ctx, `SELECT DISTINCT entry FROM (
			SELECT t.entry FROM quarter AS q CROSS JOIN term AS t ON t.institution = q.institution AND t.quarter = q.quarter AND t.term >= ?2 AND t.term < ?3
			WHERE ?1 = 0 OR q.institution = ?1 ORDER BY q.quarter DESC LIMIT ?4)
		ORDER BY entry DESC LIMIT ?5`, institution, from, until, maxCandidates, n)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var nos []int64
	for rs.Next() {
		var no int64
		if err := rs.Scan(&no); err != nil {
			return nil, err
		}
		nos = append(nos, no)
	}
	return nos, rs.Err()
}

// fits says whether an entry has a term for every word, and whether all of them
// are whole terms.
func (e entry) fits(words []string) (exact, ok bool) {
	terms := e.terms()
	exact = true
	for _, w := range words {
		whole, some := false, false
		for _, p := range probes(w) {
			i, is := slices.BinarySearch(terms, p.term)
			if p.begins != "" && !strings.HasPrefix(e.idMasked, p.begins) && !strings.HasPrefix(e.phone, p.begins) {
				continue
			}
			whole = whole || is
			some = some || is || p.prefix && i < len(terms) && strings.HasPrefix(terms[i], p.term)
		}
		if !some {
			return false, false
		}
		exact = exact && whole
	}
	return exact, true
}

func (r Reader) entries(ctx context.Context, nos []int64) ([]entry, error) {
	args := make([]any, len(nos))
	for i, no := range nos {
		args[i] = no
	}
	rs, err := r.DB.QueryContext(ctx, `SELECT `+columns+` FROM entry WHERE no IN (?`+strings.Repeat(`,?`, max(0, len(nos)-1))+`)`, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var es []entry
	for rs.Next() {
		var e entry
		if err := rs.Scan(e.fields()...); err != nil {
			return nil, err
		}
		es = append(es, e)
	}
	return es, rs.Err()
}

// hits reads the rows of what was found, the best first.
func (r Reader) hits(ctx context.Context, found map[int64]bool, n int) ([]Hit, error) {
	if len(found) == 0 {
		return nil, nil
	}
	var nos []int64
	for no := range found {
		nos = append(nos, no)
	}
	slices.SortFunc(nos, func(a, b int64) int {
		if found[a] != found[b] {
			if found[a] {
				return -1
			}
			return 1
		}
		return cmp.Compare(b, a)
	})
	nos = nos[:min(n, len(nos))]
	es, err := r.entries(ctx, nos)
	if err != nil {
		return nil, err
	}
	codes := map[int64]domain.CreditCode{}
	hits := make([]Hit, len(nos))
	for _, e := range es {
		h := Hit{Number: e.number, Tag: e.tag, State: State(e.state), Name: e.name, Unnamed: booking.Unnamed(e.unnamed), Sex: booking.Sex(e.sex),
			CitizenID: e.idMasked, Handler: e.handlerName, Phone: e.phone, Exact: found[e.no]}
		if h.Case, err = uuid.Parse(e.id); err != nil {
			return nil, err
		}
		if h.Opened, err = time.Parse(time.RFC3339Nano, e.openedAt); err != nil {
			return nil, err
		}
		if codes[e.institution] == "" {
			var code string
			if err := r.DB.QueryRowContext(ctx, `SELECT code FROM institution WHERE no = ?`, e.institution).Scan(&code); err != nil {
				return nil, err
			}
			codes[e.institution] = domain.CreditCode(code)
		}
		h.Institution = codes[e.institution]
		hits[slices.Index(nos, e.no)] = h
	}
	return hits, nil
}
