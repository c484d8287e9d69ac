package memory_test

import (
	"testing"

	"shenzhong/events"
	"shenzhong/events/eventstest"
	"shenzhong/events/memory"
)

func TestContract(t *testing.T) {
	eventstest.Run(t, func(*testing.T) events.Store { return memory.New() })
}
