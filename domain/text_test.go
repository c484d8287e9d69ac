package domain

import (
	"errors"
	"testing"
)

func TestCheckText(t *testing.T) {
	for _, bad := range []string{"", "  ", "\u200b", "a\u0000b", "\u202eabc", "a\nb", "林\u200b舟", "a\u2028b", "\ufeff林", "\u3164", "…", "\u0301", "a\xffb", "林舟\n"} {
		if _, err := CheckText(bad); !errors.Is(err, ErrText) {
			t.Errorf("%q passes as a name", bad)
		}
	}
	for given, want := range map[string]string{"林舟": "林舟", " 林 舟\u3000": "林 舟", "阿不都·买买提": "阿不都·买买提", "葛\U000e0100城": "葛\U000e0100城", "3号厅": "3号厅", "O'Brien": "O'Brien", "𠮷野": "𠮷野"} {
		if got, err := CheckText(given); err != nil || got != want {
			t.Errorf("%q: %q, %v", given, got, err)
		}
	}
	if got, err := CheckLine(""); err != nil || got != "" {
		t.Errorf("an empty remark: %q, %v", got, err)
	}
	if _, err := CheckLine("一\t二"); !errors.Is(err, ErrText) {
		t.Error("a tab passes in a remark")
	}
}
