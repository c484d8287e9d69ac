package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"shenzhong/handlers"
	"shenzhong/handlers/api"
)

var update = flag.Bool("update", false, "write openapi.json")

const golden = "openapi.json"

func version(spec []byte) string {
	var doc struct {
		Info struct {
			Version string `json:"version"`
		} `json:"info"`
	}
	if json.Unmarshal(spec, &doc) != nil {
		return ""
	}
	return doc.Info.Version
}

// bumped says that a changed description carries another version.
func bumped(was, is []byte) bool {
	return len(was) == 0 || bytes.Equal(was, is) || version(was) != version(is)
}

// The description that is served is the one that is committed; whoever changes
// the API bumps api.Version and runs go test ./handlers/api -run OpenAPI -update.
func TestOpenAPI(t *testing.T) {
	spec := bare(t, 1).send("", "GET", "/openapi.json", "").Body.Bytes()
	was, err := os.ReadFile(golden)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if !bumped(was, spec) {
		t.Fatalf("the API changed and its version is still %s: bump api.Version", api.Version)
	}
	if *update {
		if err := os.WriteFile(golden, spec, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(was, spec) {
		t.Errorf("%s is stale: run go test ./handlers/api -run OpenAPI -update", golden)
	}
}

func TestAChangeNeedsABump(t *testing.T) {
	a, b := []byte(`{"info":{"version":"1.0.0"}}`), []byte(`{"info":{"version":"1.0.0"},"paths":{}}`)
	if bumped(a, b) || !bumped(a, a) || !bumped(a, bytes.ReplaceAll(b, []byte("1.0.0"), []byte("1.0.1"))) || !bumped(nil, a) {
		t.Error("a change passes without its version")
	}
}

type described struct {
	Paths map[string]map[string]struct {
		OperationID string                `json:"operationId"`
		Security    []map[string][]string `json:"security"`
		Parameters  []struct {
			Name     string `json:"name"`
			In       string `json:"in"`
			Required bool   `json:"required"`
		} `json:"parameters"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]struct {
			Type       string          `json:"type"`
			Additional json.RawMessage `json:"additionalProperties"`
		} `json:"schemas"`
	} `json:"components"`
}

func describe(t *testing.T) described {
	t.Helper()
	var d described
	if err := json.Unmarshal(bare(t, 1).send("", "GET", "/openapi.json", "").Body.Bytes(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// What the conventions promise of every operation.
func TestConventions(t *testing.T) {
	seen := map[string]bool{}
	d := describe(t)
	for path, methods := range d.Paths {
		for method, op := range methods {
			seen[op.OperationID] = true
			if _, ok := handlers.Access[handlers.Operation(op.OperationID)]; !ok || len(op.Security) == 0 {
				t.Errorf("%s %s: nobody says who may", method, path)
			}
			keyed, inPath := false, 0
			for _, p := range op.Parameters {
				keyed = keyed || p.Name == "Idempotency-Key" && p.Required
				if p.In == "path" && strings.Contains(path, "{"+p.Name+"}") {
					inPath++
				}
			}
			if inPath != strings.Count(path, "{") {
				t.Errorf("%s %s: its path names more than is read of it", method, path)
			}
			// Trying a policy records nothing, so there is nothing to do twice.
			if keyed != (method == "post" && op.OperationID != "try_credit_policy") {
				t.Errorf("%s %s: Idempotency-Key needed: %v", method, path, keyed)
			}
		}
	}
	for op := range handlers.Access {
		if !seen[string(op)] {
			t.Errorf("Access knows %s, the API does not", op)
		}
	}
	for name, s := range d.Components.Schemas {
		if s.Type == "object" && string(s.Additional) != "false" {
			t.Errorf("%s takes unknown fields", name)
		}
	}
}
