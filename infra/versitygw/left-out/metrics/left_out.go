//go:build leftout

// Package metrics loses the DogStatsD client that a Millrace installation never uses.
package metrics

import "errors"

func newDogStatsd(string, string) (publisher, error) {
	return nil, errors.New("DogStatsD is left out of the build")
}
