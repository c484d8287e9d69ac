package events_test

import (
	"testing"

	"shenzhong/domain"
	"shenzhong/events"
)

type wide struct {
	Institution domain.CreditCode `json:"institution"`
	Number      string            `json:"number"`
	Fee         domain.Money      `json:"fee_fen"`
	On          domain.Date       `json:"on"`
	Facts       map[string]string `json:"facts"`
}

func (wide) tillEvent() {}

// BenchmarkDecode: replaying a log is mostly this.
func BenchmarkDecode(b *testing.B) {
	keys := events.NewMemoryKeys()
	r := events.NewRegistry(keys, append(tillWire, domain.Named[wide]("till.wide.v1")))
	for name, e := range map[string]any{
		"plain":  wide{"12210200422000019F", "2026-000123", 90000, "2026-11-23", map[string]string{"garden_id": "A", "tree_no": "17"}},
		"sealed": paid{350, domain.Personal("p1", "沈明远"), domain.Private[[]phone]{}},
	} {
		typ, data, err := r.Encode(b.Context(), e)
		if err != nil {
			b.Fatal(err)
		}
		rec := events.Recorded{New: events.New{Type: typ, Data: data}}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Decode(b.Context(), rec); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
