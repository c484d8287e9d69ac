package domain

// A Wire ties one name on the log to one Go type. Names are written by hand,
// once, with their version ("plot.allocated.v1"); renaming a Go type never
// changes a name. Each context lists its own in a variable Wire.
type Wire struct {
	Name string
	// New allocates what the stored bytes decode into.
	New func() any
	// Event turns that into today's event.
	Event func(decoded any) any
	// Current is a zero event of the type that is written under Name, nil for a
	// name that is only read any more.
	Current any
}

// Named gives T its name on the log.
func Named[T any](name string) Wire {
	var zero T
	return Wire{name, func() any { return new(T) }, func(p any) any { return *p.(*T) }, zero}
}

// Upcast reads what was once stored under name as Old and turns it into today's
// event. It is never written again.
func Upcast[Old, T any](name string, up func(Old) T) Wire {
	return Wire{name, func() any { return new(Old) }, func(p any) any { return up(*p.(*Old)) }, nil}
}
