package api

import (
	"strings"

	"github.com/google/uuid"

	"shenzhong/domain"
	"shenzhong/handlers"
)

// wrong is what the domain says about one place of a body.
func wrong(location string, err error) handlers.Fields {
	return handlers.Fields{{Location: location, Err: err}}
}

// person is the reference of somebody named in a body: from the ID number where
// there is one, else from the request itself.
func (a *API) person(q *request, location, citizenID string) (domain.Subject, domain.CitizenID, error) {
	if strings.TrimSpace(citizenID) == "" {
		return a.app.Somebody(q.New, location), "", nil
	}
	id, err := domain.ParseCitizenID(citizenID)
	if err != nil {
		return "", "", wrong(location+".citizen_id", err)
	}
	return a.app.Person(id), id, nil
}

// sealed is a fact about a person, and nothing where none was given.
func sealed[T ~string](of domain.Subject, v T) domain.Private[T] {
	if v == "" {
		return domain.Private[T]{}
	}
	return domain.Personal(of, v)
}

// maskName leaves the first character: 林**.
func maskName(name string) string {
	rs := []rune(name)
	if len(rs) == 0 {
		return ""
	}
	return string(rs[0]) + strings.Repeat("*", len(rs)-1)
}

// maskPhone leaves the ends: 138****0412.
func maskPhone(p string) string {
	if len(p) < 8 {
		return strings.Repeat("*", len(p))
	}
	return p[:3] + strings.Repeat("*", len(p)-7) + p[len(p)-4:]
}

// record is the id of a record in a path.
func record(id string) (uuid.UUID, error) {
	u, err := uuid.Parse(id)
	if err != nil || u == uuid.Nil {
		return uuid.Nil, handlers.ErrNotFound
	}
	return u, nil
}
