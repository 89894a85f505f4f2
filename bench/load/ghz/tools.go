//go:build tools

// Package tools pins the version of ghz that the scenario grpc-ghz builds.
package tools

import _ "github.com/bojand/ghz/cmd/ghz"
