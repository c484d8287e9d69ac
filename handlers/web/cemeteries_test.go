package web

import (
	"context"

	"shenzhong/handlers"
	"shenzhong/projections/places"
)

// noPlaces is a city without cemeteries.
type noPlaces struct{}

func (noPlaces) Cemeteries(context.Context) ([]places.Cemetery, AsOf, error) {
	return nil, AsOf{}, nil
}

func (noPlaces) Cemetery(context.Context, string) (CemeteryData, error) {
	return CemeteryData{}, handlers.ErrNotFound
}

func (noPlaces) Office(context.Context, string, string) (OfficeData, error) {
	return OfficeData{}, handlers.ErrNotFound
}
