// A net/http server whose bodies go through io.Copy, and a plain TCP relay between two connections (io.Copy splices).
package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

func digest(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	size, err := io.Copy(sum, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%d %x", size, sum.Sum(nil))
}

// echo reads to the end before it writes: a handler of HTTP/1 may not rely on the body once it has answered.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	io.Copy(w, bytes.NewReader(body))
}

func serveFile(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		file, err := os.Open(path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer file.Close()
		io.Copy(w, file) // sendfile
	}
}

// relay joins two TCP connections with io.Copy in both directions, which is splice(2) on Linux.
func relay(listener net.Listener, target string) {
	for {
		in, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer in.Close()
			out, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer out.Close()
			go func() {
				io.Copy(out, in)
				out.(*net.TCPConn).CloseWrite()
			}()
			io.Copy(in, out)
			in.(*net.TCPConn).CloseWrite()
		}()
	}
}

func main() {
	address := flag.String("http", ":8080", "address of the HTTP server")
	relayAddress := flag.String("relay", "", "address of the TCP relay")
	target := flag.String("relay-to", "", "where the TCP relay connects to")
	file := flag.String("file", "", "file served at /file")
	flag.Parse()
	if *relayAddress != "" {
		listener, err := net.Listen("tcp", *relayAddress)
		if err != nil {
			log.Fatal(err)
		}
		go relay(listener, *target)
	}
	http.HandleFunc("/digest", digest)
	http.HandleFunc("/file", serveFile(*file))
	http.HandleFunc("/echo", echo)
	log.Fatal(http.ListenAndServe(*address, nil))
}
