package search

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/mozillazg/go-pinyin"
)

// surnames are those that are read otherwise than their character usually is,
// the usual reading of the surname first.
var surnames = map[string][]string{
	"单": {"shan"}, "曾": {"zeng"}, "区": {"ou"}, "仇": {"qiu"}, "查": {"zha"}, "盖": {"ge", "gai"}, "解": {"xie"}, "任": {"ren"},
	"朴": {"piao", "pu"}, "翟": {"zhai", "di"}, "尉": {"wei"}, "乐": {"yue", "le"}, "覃": {"qin", "tan"}, "种": {"chong"}, "员": {"yun"},
	"贠": {"yun"}, "繁": {"po"}, "黑": {"he"}, "华": {"hua"}, "召": {"shao"}, "折": {"she"}, "宓": {"mi", "fu"}, "祭": {"zhai"}, "洗": {"xian"},
	"冼": {"xian"}, "隗": {"wei", "kui"}, "缪": {"miao"}, "句": {"gou"}, "阚": {"kan"}, "钭": {"tou"}, "能": {"nai"}, "石": {"shi"},
	"盛": {"sheng"}, "臧": {"zang"}, "晁": {"chao"}, "逄": {"pang"}, "佴": {"nai"}, "訾": {"zi"}, "褚": {"chu"}, "秘": {"bi"}, "牟": {"mu", "mou"},
	"过": {"guo"}, "哈": {"ha"}, "车": {"che"}, "适": {"kuo"}, "长": {"chang"}, "曲": {"qu"}, "莘": {"shen"}, "郗": {"xi", "chi"}, "乜": {"nie"},
	"万俟": {"moqi"}, "尉迟": {"yuchi"}, "单于": {"chanyu"}, "长孙": {"zhangsun"}, "澹台": {"tantai"}, "令狐": {"linghu"}, "欧阳": {"ouyang"},
	"宰父": {"zaifu"}, "鲜于": {"xianyu"}, "皇甫": {"huangfu"}, "呼延": {"huyan"}, "慕容": {"murong"}, "司马": {"sima"}, "上官": {"shangguan"},
	"诸葛": {"zhuge"}, "东方": {"dongfang"}, "夏侯": {"xiahou"}, "公孙": {"gongsun"}, "司徒": {"situ"}, "闻人": {"wenren"}, "赫连": {"helian"},
	"宇文": {"yuwen"}, "独孤": {"dugu"}, "南宫": {"nangong"}, "端木": {"duanmu"}, "轩辕": {"xuanyuan"}, "钟离": {"zhongli"}, "公冶": {"gongye"},
}

// initialsOf the compound surnames, whose reading above is one word.
var compound = func() map[string]string {
	m := map[string]string{}
	for name := range surnames {
		if rs := []rune(name); len(rs) == 2 {
			var b strings.Builder
			for i, r := range rs {
				c := readings(r)[0][:1]
				switch { // the two whose first character begins otherwise than usual
				case i == 0 && name == "万俟":
					c = "m"
				case i == 0 && name == "尉迟":
					c = "y"
				case i == 0 && name == "单于":
					c = "c"
				case i == 0 && name == "澹台":
					c = "t"
				case i == 1 && name == "万俟":
					c = "q"
				}
				b.WriteString(c)
			}
			m[name] = b.String()
		}
	}
	return m
}()

var every = pinyin.Args{Style: pinyin.Normal, Heteronym: true, Separator: "", Fallback: func(rune, pinyin.Args) []string { return nil }}

// readings are at most two ways to read a character, the usual one first: a
// third is never what somebody types for a name.
func readings(r rune) []string {
	if known, ok := read.Load(r); ok {
		return known.([]string)
	}
	all := pinyin.SinglePinyin(r, every)
	if len(all) == 0 {
		return []string{string(r)}
	}
	all = slices.Clip(all[:min(2, len(all))])
	read.Store(r, all)
	return all
}

// read remembers readings: to look one up takes longer than everything else
// that is done with a name. There are only so many characters.
var read sync.Map

// A spelling is one way to type a name on a keyboard with Latin letters.
type spelling struct{ full, initials, mixed string }

// spellings are the ways to type a Chinese name: with every reading of the
// surname, and with at most one character of the given name read otherwise than
// usual.
func spellings(name []rune) []spelling {
	if len(name) == 0 {
		return nil
	}
	cut := 1
	if len(name) > 2 && surnames[string(name[:2])] != nil {
		cut = 2
	}
	type part struct{ full, initial string }
	var family []part
	for _, full := range surnames[string(name[:cut])] {
		initial := full[:1]
		if cut == 2 {
			initial = compound[string(name[:2])]
		}
		family = append(family, part{full, initial})
	}
	if cut == 1 { // what people type who do not know the surname
		for _, full := range readings(name[0])[:1] {
			family = append(family, part{full, firstLetter(full)})
		}
	}
	var rest []part // the given name as usual
	for _, r := range name[cut:] {
		full := readings(r)[0]
		rest = append(rest, part{full, firstLetter(full)})
	}
	var all []spelling
	add := func(f part, given []part) {
		s := spelling{full: f.full, initials: f.initial, mixed: f.full}
		for _, g := range given {
			s.full += g.full
			s.initials += g.initial
			s.mixed += g.initial
		}
		all = append(all, s)
	}
	for _, f := range family {
		add(f, rest)
	}
	for i, r := range name[cut:] {
		for _, full := range readings(r)[1:] {
			other := slices.Clone(rest)
			other[i] = part{full, firstLetter(full)}
			add(family[0], other)
		}
	}
	return all
}

func firstLetter(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// fold brings what is typed and what is kept into one form: half-width, lower
// case, without blanks at the ends and without apostrophes (xi'an).
func fold(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\u3000' || unicode.IsSpace(r):
			return ' '
		case r >= '！' && r <= '～':
			r -= '！' - '!'
		case r == 'ü' || r == 'Ü':
			return 'v'
		}
		if r == '\'' || r == '’' {
			return -1
		}
		return unicode.ToLower(r)
	}, s))
}

// nameTerms are what a name is found by.
func nameTerms(name string) (ts []string) {
	name = fold(name)
	if name == "" {
		return nil
	}
	words := strings.FieldsFunc(name, func(r rune) bool { return r == ' ' || r == '·' || r == '•' || r == '・' || r == '.' || r == '-' })
	ts = append(ts, strings.Join(words, ""))
	if len(words) > 1 { // 阿依古丽·买买提, or a name in Latin letters
		ts = append(ts, words...)
	}
	for i, w := range words {
		rs := []rune(w)
		if !slices.ContainsFunc(rs, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			continue
		}
		if len(words) > 1 {
			// Such names have no surname that is read otherwise.
			var full, initials strings.Builder
			for _, r := range rs {
				x := readings(r)[0]
				full.WriteString(x)
				initials.WriteString(firstLetter(x))
			}
			ts = append(ts, full.String())
			if i == 0 {
				ts = append(ts, initials.String())
			}
			continue
		}
		for _, s := range spellings(rs) {
			ts = append(ts, s.full, s.initials, s.mixed)
			if strings.Contains(s.full, "v") { // 吕 is typed lv, lu and lyu
				ts = append(ts, strings.ReplaceAll(s.full, "v", "u"), strings.ReplaceAll(s.full, "v", "yu"))
			}
		}
	}
	return ts
}

// tailTerms are what the end of a number is found by: the last four as people
// say them, and the last six to tell more apart.
func tailTerms(tail string) (ts []string) {
	tail = fold(tail)
	if len(tail) >= 4 {
		ts = append(ts, tail[len(tail)-4:])
	}
	if len(tail) > 4 {
		ts = append(ts, tail)
	}
	return ts
}

// codeTerms are what a tag or a case number is found by: the whole of it, and
// what follows its first and its last dash ("hy-20261122-0412").
func codeTerms(code string) (ts []string) {
	if code = fold(code); code == "" {
		return nil
	}
	ts = append(ts, code)
	if i := strings.IndexByte(code, '-'); i >= 0 && i+1 < len(code) {
		ts = append(ts, code[i+1:])
	}
	if i := strings.LastIndexByte(code, '-'); i >= 0 && i+1 < len(code) {
		ts = append(ts, code[i+1:])
	}
	return ts
}

// terms are everything that an entry is found by, each once.
func (e entry) terms() []string {
	ts := slices.Concat(nameTerms(e.name), nameTerms(e.handlerName), tailTerms(e.idTail), tailTerms(e.phoneTail), codeTerms(e.tag), codeTerms(e.number))
	slices.Sort(ts)
	return slices.Compact(ts)
}

// tail is the end of a number: its last six digits or letters.
func tail(number string) string {
	number = strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, number)
	return number[max(0, len(number)-6):]
}

// maskNumber leaves of a number what tells people with the paper in hand that it is
// the same: "138****0412". A short one shows nothing.
func maskNumber(number string) string {
	rs := []rune(strings.TrimSpace(number))
	if len(rs) < 8 {
		return strings.Repeat("*", len(rs))
	}
	return string(rs[:3]) + strings.Repeat("*", len(rs)-7) + string(rs[len(rs)-4:])
}
