// gRPC with grpc-go, as a server and as a client. Messages are plain bytes, so no code is generated.
//
//	grpcgo serve ADDRESS NAME
//	grpcgo check TARGET CHECK [NUMBER]
//
// A check prints one line, "ok" and what it saw, and exits 0; or it prints what was wrong and exits 1. The same
// methods and checks are in grpcpy.py.
package main

import (
	"fmt"
	"os"
)

const service = "sluice.test.Echo"

// Far above the largest message of a test: nothing here is to be the limit.
const messageSizeMax = 256 << 20

// plain is the codec: a message is its bytes.
type plain struct{}

func (plain) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }
func (plain) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
func (plain) Name() string { return "plain" }

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		serve(os.Args[2], os.Args[3])
	} else if len(os.Args) >= 4 && os.Args[1] == "check" {
		check(os.Args[2], os.Args[3], os.Args[4:])
	} else {
		fail("usage: grpcgo serve ADDRESS NAME | grpcgo check TARGET CHECK [NUMBER]")
	}
}
