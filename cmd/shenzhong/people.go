package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/domain/booking"
)

// Invented people. Nobody here exists: names are put together from common
// syllables and carry a mark, ID numbers have a valid check digit and a
// sequence number from 900 on, phone numbers lie in 199-0000.

const inventedMark = "（虚构）"

var (
	surnames = []string{"王", "李", "张", "刘", "陈", "杨", "赵", "孙", "于", "宋", "姜", "曲", "邹", "丛", "隋", "吕", "郭", "徐", "林", "高", "马", "周", "宫", "初", "慕容", "欧阳"}
	// The given names of three generations.
	oldMen     = []string{"德福", "永贵", "长顺", "明远", "树林", "国栋", "世昌", "振东", "玉山", "连生", "景春", "广田", "洪恩", "守业"}
	oldWomen   = []string{"桂兰", "淑珍", "秀英", "玉兰", "凤琴", "素芳", "桂芝", "淑贤", "月娥", "秀荣", "玉琴", "翠花", "惠珍", "淑清"}
	youngMen   = []string{"志强", "建军", "伟", "海涛", "晓东", "文博", "立新", "洪波", "宇", "鹏飞"}
	youngWomen = []string{"丽", "红梅", "晓燕", "静", "雪", "海霞", "佳慧", "艳", "春华", "文静"}
)

// A dead is an invented deceased person, a living one his or her handler.
type dead struct {
	name  string
	id    domain.CitizenID
	hukou domain.Division
	birth domain.Date
	died  domain.Date
}

type living struct {
	name, phone string
	id          domain.CitizenID
	relation    booking.Relation
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// chance is true p times in a hundred.
func chance(r *rand.Rand, p int) bool { return r.IntN(100) < p }

// weighted picks an index by its weight.
func weighted(r *rand.Rand, weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	n := r.IntN(sum)
	for i, w := range weights {
		if n -= w; n < 0 {
			return i
		}
	}
	panic("unreachable: n is less than the sum")
}

// citizenID completes an ID number with its check digit.
func citizenID(division domain.Division, birth domain.Date, sequence int) domain.CitizenID {
	t := birth.Start()
	first := fmt.Sprintf("%s%s%03d", division, t.Format("20060102"), sequence)
	for _, c := range "0123456789X" {
		if id, err := domain.ParseCitizenID(first + string(c)); err == nil {
			return id
		}
	}
	panic("no check digit fits " + first)
}

// someoneDead invents a deceased person of the district who died on that day.
// Most were old; hardly anyone was young.
func someoneDead(r *rand.Rand, district domain.Division, died domain.Date) dead {
	age := 62 + r.IntN(20) + r.IntN(20)
	if chance(r, 9) {
		age = 28 + r.IntN(34)
	}
	birth := domain.DateOf(died.Start().AddDate(-age, 0, -r.IntN(360)))
	woman := chance(r, 47)
	given := oldMen
	if woman {
		given = oldWomen
	}
	hukou := district
	if chance(r, 4) { // registered outside the city
		hukou = pick(r, []domain.Division{"210102", "210211", "220102", "230103", "370602"})
	}
	return dead{
		name:  pick(r, surnames) + pick(r, given) + inventedMark,
		id:    citizenID(hukou, birth, 950+sequence(r, woman)),
		hukou: hukou, birth: birth, died: died,
	}
}

// sequence is the last part of an ID number, which tells the sex by its parity:
// 0 to 49, to be put on 900 for the living and 950 for the dead.
func sequence(r *rand.Rand, woman bool) int {
	n := 2 * r.IntN(25)
	if !woman {
		n++
	}
	return n
}

// someoneLiving invents who arranges the funeral.
func someoneLiving(r *rand.Rand, d dead) living {
	relation := []booking.Relation{booking.Child, booking.Spouse, booking.Sibling, booking.OtherRelative, booking.Committee}[weighted(r, []int{70, 16, 6, 6, 2})]
	woman := chance(r, 50)
	given := youngMen
	if woman {
		given = youngWomen
	}
	birth := domain.DateOf(time.Date(1962+r.IntN(38), time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, domain.Shanghai))
	return living{
		name:  pick(r, surnames) + pick(r, given) + inventedMark,
		phone: fmt.Sprintf("1990000%04d", r.IntN(10000)),
		id:    citizenID("210211", birth, 900+sequence(r, woman)), relation: relation,
	}
}

// randomID draws a UUID from r: the same source, the same UUID.
func randomID(r *rand.Rand) uuid.UUID {
	var id uuid.UUID
	for i := range 2 {
		v := r.Uint64()
		for j := range 8 {
			id[i*8+j] = byte(v >> (8 * j))
		}
	}
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
