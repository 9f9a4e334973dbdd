package main

import (
	"testing"
	"time"
	"unsafe"

	"github.com/versity/versitygw/auth"
)

// counted counts how often the file with the accounts is asked.
type counted struct {
	auth.IAMService
	asked int
}

func (c *counted) GetUserAccount(access string) (auth.Account, error) {
	c.asked++
	return auth.Account{Access: access}, nil
}

func TestAnAccountIsRememberedUnderACopyOfItsKeyID(t *testing.T) {
	file := &counted{}
	service := accounts{auth.NewCache(file, time.Hour, time.Hour)}
	buffer := []byte("key-of-a")
	if _, err := service.GetUserAccount(unsafe.String(&buffer[0], len(buffer))); err != nil {
		t.Fatal(err)
	}
	copy(buffer, "key-of-b") // the next request on the connection
	if _, err := service.GetUserAccount("key-of-a"); err != nil {
		t.Fatal(err)
	}
	if file.asked != 1 {
		t.Errorf("the file was asked %d times for one account", file.asked)
	}
}
