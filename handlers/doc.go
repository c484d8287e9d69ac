// Package handlers is the edge of the program: it knows who asks (accounts and
// roles), runs the flows that touch several streams (App), answers every error
// the same way (Problem) and serves HTTP (Server).
//
// The JSON API, the pages and the reactions live in handlers/api, handlers/web
// and handlers/policies; all of them go through App, so that a rule holds
// whichever way a request came in.
package handlers
