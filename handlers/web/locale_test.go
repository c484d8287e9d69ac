package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"shenzhong/domain/booking"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/domain/pricing"
)

var verbForm = regexp.MustCompile(`%(?:\[(\d+)\])?[.\d]*([a-zA-Z%])`)

// verbs are what a text wants filled in, by place: "1:d 2:s".
func verbs(s string) string {
	var all []string
	next := 1
	for _, v := range verbForm.FindAllStringSubmatch(s, -1) {
		if v[2] == "%" {
			continue
		}
		if v[1] != "" {
			fmt.Sscan(v[1], &next)
		}
		all = append(all, fmt.Sprintf("%d:%s", next, v[2]))
		next++
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	r := newRenderer(t, Site{})
	for set, texts := range map[string]map[Lang]messages{"public": r.texts, "staff": r.staff} {
		keys := slices.Sorted(maps.Keys(texts[Zh]))
		if diff := cmp.Diff(keys, slices.Sorted(maps.Keys(texts[En]))); diff != "" {
			t.Fatalf("%s: keys of the two languages differ (-zh +en):\n%s", set, diff)
		}
		for _, k := range keys {
			zh, en := texts[Zh][k], texts[En][k]
			if (strings.TrimSpace(zh) == "" || strings.TrimSpace(en) == "") && k != "prov.space" && k != "prov.word" {
				t.Errorf("%s: %s is empty", set, k)
			}
			// A month's name is of use in English only.
			if z, e := verbs(zh), verbs(en); z != e && k != "period.month" {
				t.Errorf("%s: %s wants %q in Chinese and %q in English", set, k, z, e)
			}
			if strings.ContainsAny(zh+en, "!！") {
				t.Errorf("%s: %s shouts", set, k)
			}
		}
	}
	// What a form of the desk calls one thing, a family reads in its own words.
	for key, want := range map[string][2]string{"field.hukou": {"逝者的户籍", "户籍区划代码"}, "look.NUMBERS": {"查看完整号码", "查看全号"}} {
		if got := [2]string{r.texts[Zh][key], r.staff[Zh][key]}; got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
}

// Everything that a case's page tells of its past has a line of its own.
func TestHistorySaysEverything(t *testing.T) {
	texts := newRenderer(t, Site{}).staff
	for _, w := range slices.Concat(booking.Wire, cremation.Wire) {
		if !strings.HasPrefix(w.Name, "booking.") && !strings.HasPrefix(w.Name, "cremation.") && !strings.HasPrefix(w.Name, "custody.") {
			continue // of no case's own streams
		}
		if key := "did." + historyKind(w.Name); texts[Zh][key] == "" || texts[En][key] == "" {
			t.Errorf("%s: nothing is said of %s", key, w.Name)
		}
	}
}

// TestEveryTextIsThereAndUsed reads the templates and the program for the keys
// they name.
func TestEveryTextIsThereAndUsed(t *testing.T) {
	r := newRenderer(t, Site{})
	texts := maps.Clone(r.staff[Zh])
	maps.Copy(texts, r.texts[Zh])
	named := regexp.MustCompile(`(?:[ ({]th? "|text\("|markup\("|both\(")([a-z0-9_.]+)"`)
	labelled := regexp.MustCompile(`(?:(?:label|maybe)[ (]|options\(c, |placeOptions\(p\.visit, |labelled\(m, |of\()"([a-z_]+)"|m\["([a-z]+)\."`)
	used, kinds := map[string]bool{}, map[string]bool{"unit": true}
	read := func(file string, b []byte) {
		for _, m := range named.FindAllSubmatch(b, -1) {
			used[string(m[1])] = true
			if _, ok := texts[string(m[1])]; !ok {
				t.Errorf("%s names %q, which is not there", file, m[1])
			}
		}
		for _, m := range labelled.FindAllSubmatch(b, -1) {
			kinds[string(m[1])+string(m[2])] = true
		}
	}
	err := fs.WalkDir(templateFiles, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := templateFiles.ReadFile(file)
		read(file, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range sources {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read(file, b)
		for k := range texts { // a key that the program chooses stands there as a word of its own
			used[k] = used[k] || bytes.Contains(b, []byte(strconv.Quote(k)))
		}
	}
	for k := range texts {
		if kind, _, _ := strings.Cut(k, "."); !used[k] && !kinds[kind] {
			t.Errorf("nothing uses %q", k)
		}
	}
}

// TestCodesHaveNames: what the domain and the published lists may say has a
// name on the pages.
func TestCodesHaveNames(t *testing.T) {
	texts := newRenderer(t, Site{}).texts[En]
	want := func(kind, code string) {
		t.Helper()
		if _, ok := texts[kind+"."+code]; !ok {
			t.Errorf("no name for %s %q", kind, code)
		}
	}
	for _, p := range pricing.PricingTypes {
		want("method", string(p))
	}
	for _, b := range pricing.Blocks {
		want("block", string(b))
		want("block_caption", string(b))
		want("block_reference", string(b))
	}
	for _, k := range institution.Kinds {
		want("kind", string(k))
	}
	for _, s := range credit.Severities {
		want("severity", string(s))
	}
	for _, k := range credit.DutyKinds {
		want("duty", string(k))
	}
	for _, at := range sections {
		want("nav", at)
	}
	lists, err := filepath.Glob("../../cmd/shenzhong/demo/prices/*.json")
	if err != nil || len(lists) == 0 {
		t.Fatalf("no price lists (%v)", err)
	}
	for _, file := range lists {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var list struct {
			Kind  string `json:"facility_kind"`
			Items []struct{ Unit string }
		}
		if err := json.Unmarshal(b, &list); err != nil {
			t.Fatal(err)
		}
		want("kind", list.Kind)
		for _, i := range list.Items {
			want("unit", i.Unit)
		}
	}
}
