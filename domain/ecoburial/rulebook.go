package ecoburial

import (
	"reflect"
	"slices"

	"shenzhong/domain"
)

// RulebookCategory names the streams of what a city counts and pays by; a
// stream's id is the city's division ("210200").
const RulebookCategory = "ecorules"

// A RulebookEvent is a version that an authority put in force.
type RulebookEvent interface{ rulebookEvent() }

type (
	// DefinitionAdopted puts a definition of eco-burial beside the ones before.
	// Applications from the day From on are made under it; every period can be
	// counted under every definition.
	DefinitionAdopted struct {
		Definition Definition  `json:"definition"`
		From       domain.Date `json:"from"`
		Document   string      `json:"document"`
	}
	// IncentivesAdopted replaces the whole list of incentive rules.
	IncentivesAdopted struct {
		Version  string          `json:"version"`
		Document string          `json:"document"`
		Rules    []IncentiveRule `json:"rules"`
	}
	// TargetSet is a target that an authority published for a year. A later one
	// for the same share and year replaces it.
	TargetSet struct {
		Share    Share  `json:"share"`
		Year     string `json:"year"`
		PerMille int    `json:"per_mille"` // 500 is 50 %
		Document string `json:"document"`
	}
)

func (DefinitionAdopted) rulebookEvent() {}
func (IncentivesAdopted) rulebookEvent() {}
func (TargetSet) rulebookEvent()         {}

// A Share is one of the two ratios.
type Share string

// The shares.
const (
	StrictShare Share = "strict" // 窄口径
	BroadShare  Share = "broad"  // 宽口径
)

// A RulebookCommand asks something of a city's rulebook.
type RulebookCommand interface {
	domain.Command
	rulebookCommand()
}

type (
	// AdoptDefinition puts a definition in force.
	AdoptDefinition struct {
		domain.Act
		Definition Definition
		From       domain.Date
		Document   string
	}
	// AdoptIncentives replaces the incentive rules.
	AdoptIncentives struct {
		domain.Act
		Version  string
		Document string
		Rules    []IncentiveRule
	}
	// SetTarget records a published target.
	SetTarget struct {
		domain.Act
		Share    Share
		Year     string
		PerMille int
		Document string
	}
)

func (AdoptDefinition) rulebookCommand() {}
func (AdoptIncentives) rulebookCommand() {}
func (SetTarget) rulebookCommand()       {}

// RulebookState is what a city counts and pays by. Its zero value stands for
// the definition and the rules that the program brings along.
type RulebookState struct {
	Adopted    []DefinitionAdopted // in the order of adoption
	Incentives IncentivesAdopted   // zero Version: none adopted
	Targets    []TargetSet
}

// DefinitionOn is the definition under which an application of that day is
// made.
func (s RulebookState) DefinitionOn(day domain.Date) Definition {
	d, from := Default(), domain.Date("")
	for _, a := range s.Adopted {
		if a.From <= day && a.From >= from {
			d, from = a.Definition, a.From
		}
	}
	return d
}

// Definition finds a definition by its id, the program's own among them.
func (s RulebookState) Definition(id string) (Definition, bool) {
	for _, a := range s.Adopted {
		if a.Definition.ID == id {
			return a.Definition, true
		}
	}
	return Default(), id == Default().ID
}

// Rulebook decides over what a city counts and pays by.
var Rulebook = domain.Decider[RulebookState, RulebookCommand, RulebookEvent]{Decide: decideRulebook, Evolve: evolveRulebook}

var (
	// ErrDefinition refuses a definition that is not sound.
	ErrDefinition = domain.Reject("eco_definition_invalid", "这份统计口径不完整或自相矛盾：%s。", "The definition is incomplete or contradicts itself: %s.").Under("I20", "")
	// ErrDefinitionID refuses another content under a used id.
	ErrDefinitionID = domain.Reject("eco_definition_used", "口径编号 %s 已经使用；改动要用新编号。", "The definition id %s is used; a change takes a new one.").Under("I20", "")
	// ErrRuleDocument refuses a version without its document or day.
	ErrRuleDocument = domain.Reject("eco_rule_document", "请写明依据的文件和生效日期。", "Please name the document it rests on and the day it takes effect.").Under("I20", "")
	// ErrRules refuses incentive rules that are not sound.
	ErrRules = domain.Reject("eco_rules_invalid", "奖补规则不完整：编号、版本、文件、葬式和金额都要有，葬式须在现行口径里。",
		"The incentive rules are incomplete: each needs id, version, document, types of the definition in force and an amount.").Under("I20", "")
	// ErrRulesVersion refuses other rules under a used version.
	ErrRulesVersion = domain.Reject("eco_rules_used", "奖补规则版本 %s 已经使用。", "The version %s of the incentive rules is used.").Under("I20", "")
	// ErrTarget refuses a target that is none.
	ErrTarget = domain.Reject("eco_target_invalid", "目标须写明口径、年份和 0 到 100% 之间的数。", "A target needs its share, its year and a number from 0 to 100 %.").Under("I20", "")
)

func decideRulebook(s RulebookState, cmd RulebookCommand) ([]RulebookEvent, error) {
	if err := cmd.Acted().Check(); err != nil {
		return nil, err
	}
	switch c := cmd.(type) {
	case AdoptDefinition:
		if err := c.Definition.Check(); err != nil {
			return nil, ErrDefinition.With(err)
		}
		if c.Document == "" || !c.From.Valid() {
			return nil, ErrRuleDocument
		}
		e := DefinitionAdopted{c.Definition, c.From, c.Document}
		if _, used := s.Definition(c.Definition.ID); used {
			if slices.ContainsFunc(s.Adopted, func(a DefinitionAdopted) bool { return reflect.DeepEqual(a, e) }) {
				return nil, nil
			}
			return nil, ErrDefinitionID.With(c.Definition.ID)
		}
		return []RulebookEvent{e}, nil

	case AdoptIncentives:
		known := func(code string) bool {
			_, ok := Default().Type(code)
			return ok || slices.ContainsFunc(s.Adopted, func(a DefinitionAdopted) bool { _, ok := a.Definition.Type(code); return ok })
		}
		switch {
		case c.Version == "" || c.Document == "":
			return nil, ErrRuleDocument
		case slices.ContainsFunc(c.Rules, func(r IncentiveRule) bool {
			return !r.check() || slices.ContainsFunc(r.Types, func(t string) bool { return !known(t) })
		}):
			return nil, ErrRules
		}
		e := IncentivesAdopted{c.Version, c.Document, c.Rules}
		switch {
		case reflect.DeepEqual(s.Incentives, e):
			return nil, nil
		case s.Incentives.Version == c.Version:
			return nil, ErrRulesVersion.With(c.Version)
		}
		return []RulebookEvent{e}, nil

	case SetTarget:
		e := TargetSet{c.Share, c.Year, c.PerMille, c.Document}
		switch {
		case c.Share != StrictShare && c.Share != BroadShare, !domain.Date(c.Year + "-01-01").Valid(), c.PerMille < 0, c.PerMille > 1000:
			return nil, ErrTarget
		case c.Document == "":
			return nil, ErrRuleDocument
		case slices.Contains(s.Targets, e):
			return nil, nil
		}
		return []RulebookEvent{e}, nil
	}
	panic("unreachable: RulebookCommand is sealed")
}

func evolveRulebook(s RulebookState, e RulebookEvent) RulebookState {
	switch e := e.(type) {
	case DefinitionAdopted:
		s.Adopted = append(slices.Clip(s.Adopted), e)
	case IncentivesAdopted:
		s.Incentives = e
	case TargetSet:
		s.Targets = append(slices.DeleteFunc(slices.Clone(s.Targets), func(t TargetSet) bool { return t.Share == e.Share && t.Year == e.Year }), e)
	}
	return s
}
