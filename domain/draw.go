package domain

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// An Entry is one party of a public draw.
type Entry struct {
	Who    string
	Wishes []string // prizes by name, the dearest first
	// First puts entries in order before their keys do: a ranking that was
	// published with the draw. Empty for everybody in a plain draw.
	First string
}

// A Lot is a prize and the party that it went to.
type Lot struct{ Who, Got string }

// Commitment is what is published before applications open: the SHA-256 of the
// seed followed by the salt, both as their 64 hex digits. A shell recomputes it:
//
//	printf '%s%s' "$SEED" "$SALT" | sha256sum
//
// Both have a fixed length, so that no other seed and salt can be cut from the
// same text.
func Commitment(seed, salt string) string { return digest(seed + salt) }

// IsDigest says that s has the form of a seed, a salt or a commitment: 64
// lower-case hex digits.
func IsDigest(s string) bool {
	return len(s) == 2*sha256.Size && strings.Trim(s, "0123456789abcdef") == ""
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Draw gives prizes to parties. Anybody can recompute it from what is published
// of a draw:
//
//  1. List is the SHA-256 of the parties that applied, sorted, each followed by
//     a line feed.
//  2. The key of a party is the SHA-256 of seed, list and party, the three texts
//     one after the other, the hashes as lower-case hex digits.
//  3. The parties choose in the order of their keys; where the draw has a
//     ranking, in the order of their First and then of their keys. Each gets the
//     first of its wishes that is a prize of the draw and nobody has yet; who
//     finds none gets none.
//
// The same in Python, from applications = {party: [wish, …]}, first = {party:
// text} and a set of prizes:
//
//	sha = lambda text: hashlib.sha256(text.encode()).hexdigest()
//	list = sha("".join(who + "\n" for who in sorted(applications)))
//	order = sorted(applications, key=lambda who: (first.get(who, ""), sha(seed + list + who)))
//	result = {}
//	for who in order:
//	    for wish in applications[who]:
//	        if wish in prizes and wish not in result.values():
//	            result[who] = wish
//	            break
//
// The list is part of every key because whoever chose the seed knows it: without
// the list that person could look for a party which comes first. So could still
// only the very last to apply, whom the log names.
//
// The salt of the commitment plays no part; it keeps the seed from being guessed
// while it is secret. Two entries of one party count as the later one.
func Draw(seed string, entries []Entry, prizes []string) (order []string, lots []Lot) {
	of := map[string]Entry{}
	for _, e := range entries {
		if _, ok := of[e.Who]; !ok {
			order = append(order, e.Who)
		}
		of[e.Who] = e
	}
	slices.Sort(order)
	var all strings.Builder
	for _, who := range order {
		all.WriteString(who + "\n")
	}
	list, key := digest(all.String()), map[string]string{}
	for _, who := range order {
		key[who] = digest(seed + list + who)
	}
	slices.SortFunc(order, func(a, b string) int {
		return cmp.Or(strings.Compare(of[a].First, of[b].First), strings.Compare(key[a], key[b]))
	})
	free := map[string]bool{}
	for _, x := range prizes {
		free[x] = true
	}
	for _, who := range order {
		wishes := of[who].Wishes
		if i := slices.IndexFunc(wishes, func(w string) bool { return free[w] }); i >= 0 {
			free[wishes[i]] = false
			lots = append(lots, Lot{who, wishes[i]})
		}
	}
	return order, lots
}
