package main

import (
	"strings"

	"github.com/versity/versitygw/auth"
)

// accounts remembers each account under a copy of its key id. The id that a request brings lies in the buffer of its
// connection, and in 1.8.0 the cache keeps it: the next request of another user on that connection changes it, and
// sooner or later one user is served with the secret of another, which answers 403 for as long as the entry lives.
type accounts struct{ *auth.IAMCache }

func (a accounts) GetUserAccount(access string) (auth.Account, error) {
	return a.IAMCache.GetUserAccount(strings.Clone(access))
}

func (a accounts) GetUserAccountFresh(access string) (auth.Account, error) {
	return a.IAMCache.GetUserAccountFresh(strings.Clone(access))
}
