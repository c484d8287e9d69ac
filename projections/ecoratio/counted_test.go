package ecoratio

import (
	"slices"
	"testing"

	"shenzhong/domain"
	"shenzhong/domain/cemetery"
	"shenzhong/domain/ecoburial"
)

// Every name under which a burial was ever stored is counted, and nothing else:
// a new version of an event that its list forgets would leave the ratio short.
func TestEveryStoredBurialIsCounted(t *testing.T) {
	found := 0
	for _, w := range slices.Concat(cemetery.Wire, ecoburial.Wire) {
		_, burial := tell(today(w), told{})
		if listed := slices.Contains(counted, w.Name); burial != listed {
			t.Errorf("%s tells of a burial: %t, is counted: %t", w.Name, burial, listed)
		}
		if burial {
			found++
		}
	}
	if found != len(counted) {
		t.Errorf("%d of %d names are stored", found, len(counted))
	}
}

// today is a stored event of this name as it is read now.
func today(w domain.Wire) any { return w.Event(w.New()) }
