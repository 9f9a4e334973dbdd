//go:build leftout

// Package s3event loses the message brokers that a Millrace installation never sends bucket events to.
package s3event

import (
	"errors"
	"fmt"
	"sync/atomic"
)

var errLeftOut = errors.New("this message broker is left out of the build")

func InitKafkaEventService(...any) (S3EventSender, error)    { return nil, errLeftOut }
func InitNatsEventService(...any) (S3EventSender, error)     { return nil, errLeftOut }
func InitRabbitmqEventService(...any) (S3EventSender, error) { return nil, errLeftOut }

var sequence atomic.Int64

func genSequencer() string { return fmt.Sprintf("%X", sequence.Add(1)) }
