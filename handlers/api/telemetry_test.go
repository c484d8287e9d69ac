package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"shenzhong/domain/cremation"
)

// A furnace reports start and stop by its own account. They stand beside the
// operator's, whichever comes first, and a difference is flagged.
func TestFurnaceTelemetry(t *testing.T) {
	c := newCity(t)
	reports := "/institutions/" + home + "/furnaces/furnace-1/reports"
	report := func(n int, signal string, at time.Time) string {
		return fmt.Sprintf(`{"sequence":%d,"signal":%q,"occurred_at":%q}`, n, signal, at.Format(time.RFC3339))
	}
	id, on, _ := c.atFurnace(1, gate{})
	lit := c.clock()
	c.must("plc-0203", reports, report(1, "START", lit)) // before the operator says so
	c.sleep(time.Minute)
	c.must("furnace-0202", on+"/cremation/start", fmt.Sprintf(`{%s,"furnace":"furnace-1"}`, c.at()))
	c.sleep(70 * time.Minute)
	out := c.clock()
	c.must("plc-0203", reports, report(2, "STOP", out))
	anomalies := func() string {
		return c.send("regulator-0501", "GET", "/api/v1"+on+"/cremation", "").field("anomalies")
	}
	r := c.send("regulator-0501", "GET", "/api/v1"+on+"/cremation", "")
	if r.field("furnace_started_at") != lit.UTC().Format(time.RFC3339) || r.field("furnace_ended_at") != out.UTC().Format(time.RFC3339) || r.field("completed_at") != "" {
		t.Errorf("the furnace's times are not beside the operator's, or took their place: %s", r.Body)
	}
	if got := anomalies(); got != "[]" {
		t.Errorf("one minute is no anomaly: %s", got)
	}

	t.Run("sent again it counts once; the number is not another report's", func(t *testing.T) {
		before := c.count()
		c.must("plc-0203", reports, report(2, "STOP", out))
		c.refuses(422, "telemetry_sequence_used", "plc-0203", reports, report(2, "START", out))
		if n := c.count(); n != before {
			t.Errorf("%d events, were %d", n, before)
		}
	})
	t.Run("a time to come is refused; so is a furnace that is none", func(t *testing.T) {
		c.refuses(422, "time_in_future", "plc-0203", reports, report(3, "START", c.clock().Add(time.Hour)))
		c.refuses(422, "furnace_unknown", "plc-0203", strings.Replace(reports, "furnace-1", "hall-1", 1), report(3, "START", out))
	})
	t.Run("who operates cannot report for the machine", func(t *testing.T) {
		c.refuses(403, "forbidden", "furnace-0202", reports, report(3, "START", out))
		c.refuses(403, "other_institution", "other-device", reports, report(3, "START", out))
		c.refuses(403, "forbidden", "plc-0203", on+"/cremation/completion", "{"+c.at()+"}")
	})
	t.Run("the operator's end three minutes after the furnace's is flagged, and kept", func(t *testing.T) {
		c.sleep(3 * time.Minute)
		ended := c.clock().UTC().Format(time.RFC3339)
		c.must("furnace-0202", on+"/cremation/completion", "{"+c.at()+"}")
		c.must("plc-0203", reports, report(3, "START", c.clock())) // the next report compares
		r := c.send("desk-0101", "GET", "/api/v1"+on+"/cremation", "")
		if r.field("completed_at") != ended || r.field("anomalies.0.kind") != "TELEMETRY_DIFFERS" || r.field("anomalies.0.found_s") != "180" || r.field("anomalies.0.limit_s") != "120" {
			t.Errorf("%s", r.Body)
		}
		if n := len(of[cremation.AnomalyFlagged](c.events(cremation.CremationCategory, id))); n != 1 {
			t.Errorf("flagged %d times", n)
		}
	})
	t.Run("a run that nobody recorded stands without a case", func(t *testing.T) {
		c.sleep(5 * time.Hour)
		c.must("plc-0203", reports, report(9, "START", c.clock()))
		r := c.send("regulator-0501", "GET", "/api/v1"+strings.TrimSuffix(reports, "reports")+"runs", "")
		if r.Code != 200 || r.field("runs.0.started_at") == "" || r.field("runs.0.case") != "" || r.field("runs.2.case") != id || r.field("runs.2.ended_at") != out.UTC().Format(time.RFC3339) {
			t.Errorf("%d %s", r.Code, r.Body)
		}
	})
}
