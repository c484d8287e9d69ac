package esdbstore

import "time"

// Hurry shortens the waits after which Follow looks for itself.
func Hurry(s *Store) { s.settle, s.idle = 10*time.Millisecond, 50*time.Millisecond }
