//go:build !windows

package natsstore

import (
	"errors"
	"os"
	"syscall"
)

// lockFile opens a file for this process alone until it is closed, by whatever
// end: the kernel lets go of the lock of a killed process. ErrLocked: somebody
// else has it.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrLocked
		}
		return nil, err
	}
	return f, nil
}

// nameless says that a file that is open has no name any more.
func nameless(f os.FileInfo) bool {
	sys, ok := f.Sys().(*syscall.Stat_t)
	return ok && sys.Nlink == 0
}

// noRoom says that the file system of dir has next to no free space.
func noRoom(dir string) bool {
	var st syscall.Statfs_t
	return syscall.Statfs(dir, &st) == nil && st.Blocks > 0 && uint64(st.Bavail)*uint64(st.Bsize) < roomLeft
}
