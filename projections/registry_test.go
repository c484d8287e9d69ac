package projections_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/access"
	"shenzhong/domain/booking"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/credit"
	"shenzhong/domain/cremation"
	"shenzhong/domain/ecoburial"
	"shenzhong/domain/institution"
	"shenzhong/domain/oversight"
	"shenzhong/domain/pricing"
	"shenzhong/domain/schedule"
	"shenzhong/events"
	"shenzhong/projections"
)

var update = flag.Bool("update", false, "write the stored examples that are missing; none is ever overwritten")

const testdata = "../events/testdata"

// What was once stored is read for ever. There is one stored example of every
// wire name and version; it decodes, and what is still written under the name
// encodes to the very same.
func TestStoredExamplesDecodeForEver(t *testing.T) {
	reg := projections.Registry(fixedKeys{})
	names := reg.Names()
	slices.Sort(names)
	files, err := filepath.Glob(filepath.Join(testdata, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".json"); !slices.Contains(names, name) {
			t.Errorf("%s was stored once and cannot be read any more", name)
		}
	}
	current := map[string]bool{}
	for _, e := range currentEvents() {
		name, err := reg.TypeName(e)
		if err != nil {
			t.Fatal(err)
		}
		current[name] = true
		path := filepath.Join(testdata, name+".json")
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && *update {
			if err := os.WriteFile(path, example(t, reg, e), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			stored, err := os.ReadFile(filepath.Join(testdata, name+".json"))
			if err != nil {
				t.Fatalf("no stored example; go test ./projections -run StoredExamples -update writes one: %v", err)
			}
			body, err := reg.Decode(t.Context(), events.Recorded{New: events.New{Type: name, Data: stored}})
			if err != nil {
				t.Fatal(err)
			}
			if !current[name] {
				return // only read any more
			}
			typ, data, err := reg.Encode(t.Context(), body)
			if err != nil || typ != name {
				t.Fatal(typ, err)
			}
			// How a value is sealed may change (padding, say); what it says may not.
			if d := cmp.Diff(mask(string(stored)), mask(indent(t, data))); d != "" {
				t.Errorf("what was stored is no longer what is written: give the new form a new name and upcast the old: %s", d)
			}
			again, err := reg.Decode(t.Context(), events.Recorded{New: events.New{Type: name, Data: data}})
			if err != nil || !reflect.DeepEqual(again, body) {
				t.Errorf("written anew it says something else (%v)", err)
			}
		})
	}
}

func mask(s string) string { return sealedForm.ReplaceAllString(s, `"sealed": "…"`) }

var sealedForm = regexp.MustCompile(`"sealed": "[^"]+"`)

// The examples fill every field, so that one which is dropped or renamed shows.
func TestStoredExamplesAreWhole(t *testing.T) {
	reg := projections.Registry(fixedKeys{})
	for _, e := range currentEvents() {
		name, _ := reg.TypeName(e)
		var stored, fresh any
		b, err := os.ReadFile(filepath.Join(testdata, name+".json"))
		if err == nil {
			err = json.Unmarshal(b, &stored)
		}
		if err == nil {
			err = json.Unmarshal(example(t, reg, e), &fresh)
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := cmp.Diff(shape(stored), shape(fresh)); d != "" {
			t.Errorf("%s: fields of the stored example and of a full event: %s", name, d)
		}
	}
}

// shape reduces a value to its field names.
func shape(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := map[string]any{}
		for k, x := range v {
			m[k] = shape(x)
		}
		return m
	case []any:
		if len(v) > 0 {
			return []any{shape(v[0])}
		}
	}
	return nil
}

// No event carries a person's name, ID number, phone or address in clear.
func TestExamplesSealPersonalData(t *testing.T) {
	reg := projections.Registry(fixedKeys{})
	for _, e := range currentEvents() {
		if b := example(t, reg, e); bytes.Contains(b, []byte(secret)) {
			name, _ := reg.TypeName(e)
			t.Errorf("%s shows what is private", name)
		}
	}
}

func currentEvents() []any {
	var es []any
	for _, w := range wires() {
		if w.Current != nil {
			es = append(es, w.Current)
		}
	}
	return es
}

// wires are all names of the log.
func wires() []domain.Wire {
	return slices.Concat(access.Wire, institution.Wire, pricing.Wire, schedule.Wire, booking.Wire, cremation.Wire, cemetery.Wire, ecoburial.Wire, credit.Wire, oversight.Wire, domain.SubjectWire)
}

// A read model that takes an event takes it under every name under which it was
// ever stored: one that knew only the newest, or missed it, would hold too little.
func TestReadModelsTakeEveryVersion(t *testing.T) {
	read := func(w domain.Wire) reflect.Type { return reflect.TypeOf(w.Event(w.New())) }
	for _, p := range readModels() {
		takes := map[reflect.Type]string{}
		for _, w := range wires() {
			if slices.Contains(p.Types(), w.Name) {
				takes[read(w)] = w.Name
			}
		}
		for _, w := range wires() {
			if as := takes[read(w)]; as != "" && !slices.Contains(p.Types(), w.Name) {
				t.Errorf("%s takes %s and not %s, which is the same event", p.Name(), as, w.Name)
			}
		}
	}
}

// example is an event of e's type with every field filled, as it is stored.
func example(t *testing.T, reg *events.Registry, e any) []byte {
	t.Helper()
	v := reflect.New(reflect.TypeOf(e)).Elem()
	fill(t, v, "")
	_, data, err := reg.Encode(t.Context(), v.Interface())
	if err != nil {
		t.Fatal(err)
	}
	return []byte(indent(t, data))
}

func indent(t *testing.T, data []byte) string {
	t.Helper()
	v := jsontext.Value(slices.Clone(data))
	if err := v.Indent(jsontext.WithIndent("  ")); err != nil {
		t.Fatal(err)
	}
	return string(v) + "\n"
}

const secret = "沈明远"

var someone = domain.Subject("5f0c7a52-3a0e-4d0b-9d5a-8f5d7c1e2b90")

// samples are values that look like what the types mean.
var samples = []any{
	domain.Date("2026-11-23"), domain.Clock("08:30"), domain.CreditCode("12210200422000019F"), domain.Division("210211"), domain.Money(12300),
	domain.CitizenID("210211193504120018"), someone, uuid.MustParse("0193a5b0-7c00-7000-8000-000000000001"),
	time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC),
	institution.FuneralHome, institution.Government, institution.Hall, pricing.ToDay, pricing.Transport, pricing.GovGuidedBasic,
	schedule.Withdrawn, booking.Desk, domain.RetentionEnded, credit.General, cemetery.Grave, cemetery.CremationCertificate, booking.Spouse, booking.Male,
}

func fill(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	if p, ok := v.Addr().Interface().(interface {
		SetPlain(domain.Subject, []byte) error
	}); ok {
		get, _ := v.Addr().Type().MethodByName("Get")
		inner := reflect.New(get.Type.Out(0)).Elem()
		if fill(t, inner, name); inner.Kind() == reflect.String && inner.String() == name {
			inner.SetString(secret)
		}
		b, err := json.Marshal(inner.Interface())
		if err == nil {
			err = p.SetPlain(someone, b)
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return
	}
	for _, s := range samples {
		if reflect.TypeOf(s) == v.Type() {
			v.Set(reflect.ValueOf(s))
			return
		}
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(name)
	case reflect.Uint64:
		v.SetUint(3)
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(3)
	case reflect.Float64:
		v.SetFloat(0.5)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(t, v.Index(0), name)
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), fmt.Sprintf("%s-%d", name, i+1))
		}
	case reflect.Map:
		k, x := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, k, "key")
		fill(t, x, name)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(k, x)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), name)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if tag != "-" {
					fill(t, v.Field(i), tag)
				}
			}
		}
	default:
		t.Fatalf("no example of a %v", v.Type())
	}
}

// fixedKeys seals everybody under one key, the same value always alike, so that
// the examples can be compared. For tests only.
type fixedKeys struct{}

func (fixedKeys) Key(context.Context, domain.Subject, bool) (cipher.AEAD, error) {
	b, err := aes.NewCipher([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(b)
	return fixedAEAD{gcm}, err
}
func (fixedKeys) Forget(context.Context, domain.Subject) error { return errors.New("not forgotten") }

type fixedAEAD struct{ gcm cipher.AEAD }

func (fixedAEAD) NonceSize() int { return 0 }
func (a fixedAEAD) Overhead() int {
	return a.gcm.NonceSize() + a.gcm.Overhead()
}
func (a fixedAEAD) Seal(dst, _, clear, bound []byte) []byte {
	mac := hmac.New(sha256.New, bound)
	mac.Write(clear)
	nonce := mac.Sum(nil)[:a.gcm.NonceSize()]
	return a.gcm.Seal(append(dst, nonce...), nonce, clear, bound)
}
func (a fixedAEAD) Open(dst, _, box, bound []byte) ([]byte, error) {
	n := a.gcm.NonceSize()
	if len(box) < n {
		return nil, errors.New("short")
	}
	return a.gcm.Open(dst, box[:n], box[n:], bound)
}

func gunzip(t testing.TB, b []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	b, err = io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
