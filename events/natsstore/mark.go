package natsstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrLocked reports that another process has the directory open.
var ErrLocked = errors.New("natsstore: the data directory is in use by another process")

// lockDir takes the directory for this process until the file is closed.
func lockDir(dir string) (*os.File, error) {
	f, err := lockFile(filepath.Join(dir, "lock"))
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("%w: %s", ErrLocked, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("natsstore: lock %s: %w", dir, err)
	}
	return f, nil
}

// A stop is how the last process that had the index open ended.
type stop int

const (
	stopClean stop = iota
	stopKill       // the process died, the machine did not: what was written is there
	stopPower      // the machine went down, or nobody knows: unsynced writes may be gone
)

func (s stop) String() string {
	return [...]string{"clean stop", "killed process", "power loss"}[s]
}

// The dirty mark lies beside the index while a process has it open. It holds
// the machine's boot id, which tells a kill from a power loss.
func lastStop(mark string) stop {
	b, err := os.ReadFile(mark)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return stopClean
	case err == nil && bootID() != "" && strings.TrimSpace(string(b)) == bootID():
		return stopKill
	}
	return stopPower
}

func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // not Linux: every unclean stop counts as a power loss
	}
	return strings.TrimSpace(string(b))
}

// setMark is on disk before the index is written to.
func setMark(mark string) error {
	f, err := os.Create(mark)
	if err != nil {
		return err
	}
	if _, err := f.WriteString(bootID() + "\n"); err != nil {
		f.Close()
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncFile(filepath.Dir(mark))
}

// clearMark is called once the index is closed; it is on disk before the mark
// goes.
func clearMark(mark, index string) error {
	if err := syncFile(index); err != nil {
		return err
	}
	if err := os.Remove(mark); err != nil {
		return err
	}
	return syncFile(filepath.Dir(mark))
}

func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
