package handlers

import (
	"context"

	"github.com/google/uuid"

	"shenzhong/domain/cremation"
	"shenzhong/domain/institution"
	"shenzhong/events"
)

// NoticeSchedule is when an institution tells families about ashes that it
// keeps, as it is published.
func NoticeSchedule(p institution.ParametersState) cremation.NoticeSchedule {
	return cremation.NoticeSchedule{Unclaimed: p.Days(institution.AshesNotices), Term: p.Days(institution.DepositNotices)}
}

// ServeNotice looks up the schedule and asks the cremation. One stream is
// written.
func (a *App) ServeNotice(ctx context.Context, id uuid.UUID, c cremation.ServeNotice) (events.Receipt, error) {
	p, err := a.parametersOfCremation(ctx, id)
	if err != nil {
		return events.Receipt{}, err
	}
	c.Schedule = NoticeSchedule(p)
	return a.Cremations.Handle(ctx, id.String(), c)
}
