package domain

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// described is the draw as its description has it, written anew.
func described(seed string, applications map[string][]string, first map[string]string, prizes []string) map[string]string {
	sha := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	var who []string
	for w := range applications {
		who = append(who, w)
	}
	sort.Strings(who)
	list := sha(strings.Join(who, "\n") + map[bool]string{true: "\n"}[len(who) > 0])
	sort.SliceStable(who, func(i, j int) bool {
		a, b := who[i], who[j]
		return cmp.Or(cmp.Compare(first[a], first[b]), cmp.Compare(sha(seed+list+a), sha(seed+list+b))) < 0
	})
	result, gone := map[string]string{}, map[string]bool{}
	for _, w := range who {
		for _, wish := range applications[w] {
			if slices.Contains(prizes, wish) && !gone[wish] {
				result[w], gone[wish] = wish, true
				break
			}
		}
	}
	return result
}

func TestDrawIsWhatItsDescriptionSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.StringMatching("[0-9a-f]{64}").Draw(t, "seed")
		prizes := []string{"A-1", "A-2", "B-1"}
		applications, first := map[string][]string{}, map[string]string{}
		var entries []Entry
		for i := range rapid.IntRange(0, 12).Draw(t, "entries") {
			e := Entry{Who: fmt.Sprint("c", i), Wishes: rapid.SliceOfN(rapid.SampledFrom(append(prizes, "Z")), 0, 4).Draw(t, "wishes"),
				First: rapid.SampledFrom([]string{"", "2026-01-01", "2026-02-01"}).Draw(t, "first")}
			entries = append(entries, e)
			applications[e.Who], first[e.Who] = e.Wishes, e.First
		}
		order, lots := Draw(seed, entries, prizes)
		got := map[string]string{}
		for _, l := range lots {
			got[l.Who] = l.Got
		}
		if d := gocmp.Diff(described(seed, applications, first, prizes), got); d != "" || len(order) != len(entries) {
			t.Fatal(d, order)
		}
		slices.Reverse(entries)
		if again, _ := Draw(seed, entries, prizes); !slices.Equal(order, again) {
			t.Fatal("the order of the applications on the log changes the draw")
		}
	})
}

// A fixed example, computed by the Python of Draw's comment.
func TestDrawExample(t *testing.T) {
	seed, salt := strings.Repeat("0a", 32), strings.Repeat("0b", 32)
	if c := Commitment(seed, salt); c != digest(seed+salt) || !IsDigest(c) || IsDigest(c[1:]) || IsDigest(strings.ToUpper(c)) {
		t.Error(c)
	}
	order, lots := Draw(seed, []Entry{{Who: "a", Wishes: []string{"1", "2"}}, {Who: "b", Wishes: []string{"1", "2"}}, {Who: "c", Wishes: []string{"2"}}, {Who: "a", Wishes: []string{"2", "1"}}}, []string{"1", "2"})
	if !slices.Equal(order, exampleOrder) || !slices.Equal(lots, exampleLots) {
		t.Error(order, lots)
	}
}

var (
	exampleOrder = []string{"c", "a", "b"}
	exampleLots  = []Lot{{"c", "2"}, {"a", "1"}}
)
