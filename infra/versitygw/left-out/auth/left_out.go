//go:build leftout

// Package auth loses the account services that a Millrace installation never starts: their clients for Vault, LDAP
// and S3 take longer to compile than the rest. `infra/src/find/build-versitygw.ts` puts this file in their place.
package auth

import "errors"

var errLeftOut = errors.New("this account service is left out of the build")

type IAMServiceStandaloneConfig struct {
	Endpoint, Access, Secret                        string
	ClientCert, ClientCertKey, ServerCA, Region     string
	DefaultUserID, DefaultGroupID, DefaultProjectID int
}

func NewIAMServiceStandalone(Account, IAMServiceStandaloneConfig) (IAMService, error) {
	return nil, errLeftOut
}
func NewLDAPService(Account, ...any) (IAMService, error)     { return nil, errLeftOut }
func NewS3(Account, ...any) (IAMService, error)              { return nil, errLeftOut }
func NewVaultIAMService(Account, ...any) (IAMService, error) { return nil, errLeftOut }
