package domain

import (
	"strings"
	"time"
)

var (
	// ErrCitizenID refuses an ID number whose form, birth date or check digit is wrong.
	ErrCitizenID = Reject("citizen_id_invalid", "身份证号码第 18 位与前面的数字对不上，或出生日期不存在，请照证件再看一遍。",
		"The ID number's check digit or birth date does not fit; please compare it with the card.").Under("", "GB 11643")
	// ErrCreditCode refuses a unified social credit code whose form or check digit is wrong.
	ErrCreditCode = Reject("credit_code_invalid", "统一社会信用代码不对，请照证照再看一遍。",
		"The unified social credit code is not valid; please compare it with the licence.").Under("", "GB 32100")
	// ErrDivision refuses a code that is not a six-digit division.
	ErrDivision = Reject("division_invalid", "行政区划代码不对：%s。", "The division code is not valid: %s.").Under("", "GB/T 2260")
)

// A CitizenID is an 18-character resident ID number (GB 11643), upper-case X.
// Residence permits of Hong Kong, Macao and Taiwan residents (81/82/83 0000…)
// carry the same check.
type CitizenID string

// ParseCitizenID checks form, birth date and check digit. It takes a lower-case
// x and surrounding blanks, and answers with the canonical form.
func ParseCitizenID(s string) (CitizenID, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) != 18 {
		return "", ErrCitizenID
	}
	weights := [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	sum := 0
	for i, w := range weights {
		if s[i] < '0' || s[i] > '9' {
			return "", ErrCitizenID
		}
		sum += int(s[i]-'0') * w
	}
	if "10X98765432"[sum%11] != s[17] {
		return "", ErrCitizenID
	}
	if _, err := time.Parse("20060102", s[6:14]); err != nil {
		return "", ErrCitizenID
	}
	return CitizenID(s), nil
}

// Masked is how an ID number shows: "2102**********0018".
func (c CitizenID) Masked() string {
	if len(c) != 18 {
		return strings.Repeat("*", len(c))
	}
	return string(c[:4]) + "**********" + string(c[14:])
}

// Birth is the date of birth.
func (c CitizenID) Birth() Date {
	if len(c) != 18 {
		return ""
	}
	return Date(c[6:10] + "-" + c[10:12] + "-" + c[12:14])
}

// Female reads the sequence number's parity.
func (c CitizenID) Female() bool { return len(c) == 18 && (c[16]-'0')%2 == 0 }

// A CreditCode is an 18-character unified social credit code (GB 32100).
type CreditCode string

const creditAlphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"

// ParseCreditCode checks alphabet and check character.
func ParseCreditCode(s string) (CreditCode, error) {
	s = strings.ToUpper(strings.TrimSpace(s))
	if len(s) != 18 || creditCheck(s[:17]) != s[17] {
		return "", ErrCreditCode
	}
	return CreditCode(s), nil
}

// NewCreditCode completes the first 17 characters with their check character.
// It is for invented institutions in demos and tests.
func NewCreditCode(first17 string) (CreditCode, error) {
	c := creditCheck(first17)
	if c == 0 {
		return "", ErrCreditCode
	}
	return CreditCode(first17 + string(c)), nil
}

// creditCheck is zero when the characters are not of the code's alphabet.
func creditCheck(s string) byte {
	if len(s) != 17 {
		return 0
	}
	sum, w := 0, 1
	for i := range 17 {
		v := strings.IndexByte(creditAlphabet, s[i])
		if v < 0 {
			return 0
		}
		sum += v * w
		w = w * 3 % 31
	}
	return creditAlphabet[(31-sum%31)%31]
}

// A Division is a six-digit GB/T 2260 code: 210200 Dalian, 210211 Ganjingzi.
type Division string

// ParseDivision checks the form: six digits, with a province that exists. An
// abolished county code stays valid: old papers carry it.
func ParseDivision(s string) (Division, error) {
	if len(s) != 6 || s[0] < '1' || s[0] > '8' {
		return "", ErrDivision.With(s)
	}
	for i := range 6 {
		if s[i] < '0' || s[i] > '9' {
			return "", ErrDivision.With(s)
		}
	}
	return Division(s), nil
}

// Province and City are the enclosing divisions: 210000, 210200.
func (d Division) Province() Division { return d[:2] + "0000" }

// City is the enclosing city: 210200 for 210211.
func (d Division) City() Division { return d[:4] + "00" }

// In says that d is p or lies within it.
func (d Division) In(p Division) bool {
	switch {
	case len(d) != 6 || len(p) != 6:
		return false
	case strings.HasSuffix(string(p), "0000"):
		return d[:2] == p[:2]
	case strings.HasSuffix(string(p), "00"):
		return d[:4] == p[:4]
	}
	return d == p
}
