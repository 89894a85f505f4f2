// Downloads, uploads and echoes through net/http; prints one line per check and exits 1 on the first fault.
package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func fetch(response *http.Response, err error) []byte {
	if err != nil {
		fail("request: %v", err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := io.Copy(&body, response.Body); err != nil {
		fail("body: %v", err)
	}
	if response.StatusCode != 200 {
		fail("status %d: %s", response.StatusCode, body.String())
	}
	return body.Bytes()
}

func main() {
	base := os.Args[1]
	size, _ := strconv.Atoi(os.Args[2])
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	want := fmt.Sprintf("%d %x", size, sha256.Sum256(data))

	if got := string(fetch(http.Post(base+"/digest", "application/octet-stream", bytes.NewReader(data)))); got != want {
		fail("upload with length: got %s, want %s", got, want)
	}
	// A reader of unknown length makes net/http send chunks.
	if got := string(fetch(http.Post(base+"/digest", "text/plain", io.MultiReader(bytes.NewReader(data))))); got != want {
		fail("chunked upload: got %s, want %s", got, want)
	}
	if got := fetch(http.Get(base + "/file")); !bytes.Equal(got, data) {
		fail("download: %d bytes, they differ", len(got))
	}
	var group sync.WaitGroup
	for i := 0; i < 16; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := 0; n < 50; n++ {
				if got := fetch(http.Post(base+"/echo", "text/plain", bytes.NewReader(data[:1000]))); !bytes.Equal(got, data[:1000]) {
					fail("echo differs: %d bytes", len(got))
				}
			}
		}()
	}
	group.Wait()
	fmt.Println("ok")
}
