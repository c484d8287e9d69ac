package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrText refuses a text that cannot be read as it stands. It never repeats the
// text: it may be personal.
var ErrText = Reject("text_invalid", "文字里有换行或看不见的字符，或者一个字也没有，请重新填写。",
	"The text has line breaks or invisible characters, or no letter at all; please write it again.")

// CheckText answers with a name without the blanks around it. It refuses what
// does not fill exactly one line as it is seen: control, bidirectional and
// zero-width characters make two different names look the same, and one name
// look like something else. A name has at least one letter or digit.
func CheckText(name string) (string, error) {
	name, err := CheckLine(name)
	if err != nil || !strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
		return name, ErrText
	}
	return name, nil
}

// CheckLine is CheckText for a remark, which may be empty.
func CheckLine(text string) (string, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, invisible) {
		return text, ErrText
	}
	return strings.TrimSpace(text), nil
}

// CheckLines is CheckLine for a text that may have several lines.
func CheckLines(text string) error {
	_, err := CheckLine(strings.NewReplacer("\r", "", "\n", "", "\t", "").Replace(text))
	return err
}

// invisible says that r is not seen, or moves what is seen around it. The
// variation selectors are no such: they choose the form of a rare character in
// a name.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}
