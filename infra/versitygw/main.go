// Versitygw with the parts that a Millrace installation uses: the S3 API over a folder, and accounts in a file.
// The full program also has clients for other storage and message brokers, a browser UI and a test suite, and
// takes longer to compile. The options are the same, so either program serves.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

const (
	usage  = "usage: versitygw --port HOST:PORT [--health PATH] --iam-dir FOLDER [--quiet] [--keep-alive] posix --sidecar FOLDER DATA"
	region = "us-east-1"

	// The defaults of the full program.
	maxConnections = 250_000
	maxRequests    = 100_000
	maxParts       = 10_000
	maxActions     = 5_000
	maxCopyBytes   = 5 << 30
	accountsTTL    = 2 * time.Minute
	accountsPrune  = time.Hour
)

type options struct {
	address, healthPath, accounts string
	metadata, data                string
	quiet, keepAlive              bool
}

func main() {
	options, err := parse(os.Args[1:])
	if err == nil {
		err = serve(options)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse(arguments []string) (options, error) {
	var o options
	global := flag.NewFlagSet("versitygw", flag.ExitOnError)
	version := global.Bool("version", false, "print the version")
	global.StringVar(&o.address, "port", "127.0.0.1:7070", "address to listen on")
	global.StringVar(&o.healthPath, "health", "", "path of the health check")
	global.StringVar(&o.accounts, "iam-dir", "", "folder with the accounts")
	global.BoolVar(&o.quiet, "quiet", false, "no line per request")
	global.BoolVar(&o.keepAlive, "keep-alive", false, "keep connections open between requests")
	_ = global.Parse(arguments) // ExitOnError
	if *version {
		fmt.Println("versitygw", libraryVersion()+"+millrace")
		os.Exit(0)
	}
	if global.Arg(0) != "posix" {
		return o, errors.New(usage)
	}
	folder := flag.NewFlagSet("posix", flag.ExitOnError)
	folder.StringVar(&o.metadata, "sidecar", "", "folder for metadata")
	_ = folder.Parse(global.Args()[1:])
	o.data = folder.Arg(0)
	if o.data == "" || o.metadata == "" || o.accounts == "" {
		return o, errors.New(usage)
	}
	return o, nil
}

func serve(o options) error {
	root := auth.Account{
		Access: os.Getenv("ROOT_ACCESS_KEY_ID"),
		Secret: os.Getenv("ROOT_SECRET_ACCESS_KEY"),
		Role:   auth.RoleAdmin,
	}
	if root.Access == "" || root.Secret == "" {
		return errors.New("ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY must be set")
	}
	metadata, err := meta.NewSideCar(o.metadata)
	if err != nil {
		return fmt.Errorf("folder for metadata: %w", err)
	}
	limits := posix.PosixOpts{SideCarDir: o.metadata, Concurrency: maxActions, CopyObjectThreshold: maxCopyBytes}
	limits.SetNewDirPerm(0o700)
	limits.SetNewFilePerm(0o600)
	store, err := posix.New(o.data, metadata, limits)
	if err != nil {
		return fmt.Errorf("folder for objects: %w", err)
	}
	file, err := auth.NewInternal(root, o.accounts)
	if err != nil {
		return fmt.Errorf("folder with the accounts: %w", err)
	}
	cached := accounts{auth.NewCache(file, accountsTTL, accountsPrune)}
	login := middlewares.RootUserConfig{Access: root.Access, Secret: root.Secret}
	server, err := s3api.New(wholeBodies{store}, login, region, cached, nil, nil, nil, nil, serverOptions(o)...)
	if err != nil {
		return err
	}
	return untilSignal(server, o.address)
}

func serverOptions(o options) []s3api.Option {
	chosen := []s3api.Option{
		s3api.WithConcurrencyLimiter(maxConnections, maxRequests),
		s3api.WithMpMaxParts(maxParts),
	}
	if o.quiet {
		chosen = append(chosen, s3api.WithQuiet())
	}
	if o.keepAlive {
		chosen = append(chosen, s3api.WithKeepAlive())
	}
	if o.healthPath != "" {
		chosen = append(chosen, s3api.WithHealth(o.healthPath))
	}
	return chosen
}

func untilSignal(server *s3api.S3ApiServer, address string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.ServeMultiPort([]string{address}) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return server.ShutDown()
	}
}

func libraryVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	for _, module := range info.Deps {
		if module.Path == "github.com/versity/versitygw" {
			return module.Version
		}
	}
	return "of unknown version"
}
