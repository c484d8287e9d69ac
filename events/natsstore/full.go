package natsstore

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrDiskFull reports that nothing can be stored because there is no room. The
// server says so in many ways, or does not answer at all.
var ErrDiskFull = errors.New("磁盘已满 / the disk is full")

// Codes of JetStream's API for want of room.
const (
	codeInsufficient = 10023
	codeStorage      = 10047
)

// roomLeft is the free space below which a failure is put down to a full disk:
// the server wants to write a block and its index.
const roomLeft = 1 << 20

// full names a full disk where that is why err happened.
func (s *Store) full(err error) error {
	if err == nil || errors.Is(err, ErrDiskFull) {
		return err
	}
	if _, raced := errors.AsType[*conflict](err); raced {
		return err
	}
	api, ok := errors.AsType[*jetstream.APIError](err)
	switch {
	case ok && (api.ErrorCode == codeInsufficient || api.ErrorCode == codeStorage),
		errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), strings.Contains(err.Error(), "no space left"):
	case s.cfg.URL == "" && noRoom(s.cfg.Dir):
	default:
		return err
	}
	return fmt.Errorf("%w: %w", ErrDiskFull, err)
}
