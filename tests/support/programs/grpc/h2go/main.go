// HTTP in clear text with net/http, as a server of both versions and as a client of HTTP/2.
//
//	h2go serve ADDRESS NAME
//	h2go check URL
//	h2go drain URL
//	h2go news URL VERSION
//
// A check prints "ok", or what was wrong, and exits 1. A drain prints "open" once its requests are in flight, and ends
// them when it has been told to go. News are told one by one, to a client of HTTP/1.1 or HTTP/2.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const size = 5_000_000

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func protocols(http1 bool) *http.Protocols {
	made := new(http.Protocols)
	made.SetUnencryptedHTTP2(true)
	made.SetHTTP1(http1)
	return made
}

func handle(name string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/name", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "%s %s\n", name, r.Proto) })
	mux.HandleFunc("/headers", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.Host, r.Header) })
	mux.HandleFunc("/digest", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.New()
		count, err := io.Copy(sum, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%d %x", count, sum.Sum(nil))
	})
	mux.HandleFunc("/size/{count}", func(w http.ResponseWriter, r *http.Request) {
		count, _ := strconv.Atoi(r.PathValue("count"))
		w.Header().Set("Content-Length", strconv.Itoa(count))
		io.Copy(w, bytes.NewReader(make([]byte, count)))
	})
	// Each piece comes back before the next one is sent: both directions are open at once.
	mux.HandleFunc("/duplex", func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		piece := make([]byte, 4096)
		for {
			count, err := r.Body.Read(piece)
			w.Write(piece[:count])
			w.(http.Flusher).Flush()
			if err != nil {
				return
			}
		}
	})
	mux.HandleFunc("/trailers", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		fmt.Fprint(w, "body")
		w.(http.Flusher).Flush() // Else the length is known and HTTP/1.1 has no place for trailers.
		w.Header().Set("X-Sum", "behind")
	})
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 1000))
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	// Server-sent events and long polling. Each piece of news leaves once it has been told; the teller waits until then.
	news := make(chan string)
	mux.HandleFunc("/tell", func(w http.ResponseWriter, r *http.Request) { news <- r.URL.RawQuery })
	mux.HandleFunc("/poll", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, <-news) })
	mux.HandleFunc("/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for event := r.Proto; event != "end"; event = <-news {
			fmt.Fprintf(w, "data: %s\n\n", event)
			w.(http.Flusher).Flush()
		}
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, "late")
	})
	return mux
}

func fetch(response *http.Response, err error) (string, *http.Response) {
	if err != nil {
		fail("request: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		fail("body: %v", err)
	}
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		fail("%s %s: %s", response.Proto, response.Status, body)
	}
	return string(body), response
}

func checkBodies(client *http.Client, base string) {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7 >> 3)
	}
	want := fmt.Sprintf("%d %x", size, sha256.Sum256(data))
	if got, _ := fetch(client.Post(base+"/digest", "application/octet-stream", bytes.NewReader(data))); got != want {
		fail("upload with length: %s", got)
	}
	if got, _ := fetch(client.Post(base+"/digest", "text/plain", io.MultiReader(bytes.NewReader(data)))); got != want {
		fail("upload without length: %s", got)
	}
	if got, _ := fetch(client.Get(fmt.Sprintf("%s/size/%d", base, size))); len(got) != size {
		fail("download: %d bytes", len(got))
	}
}

func checkMany(client *http.Client, base string) {
	var group sync.WaitGroup
	for i := 0; i < 32; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for n := 0; n < 30; n++ {
				if got, _ := fetch(client.Get(fmt.Sprintf("%s/size/%d", base, n*997))); len(got) != n*997 {
					fail("%d bytes of %d", len(got), n*997)
				}
			}
		}()
	}
	group.Wait()
}

func checkDuplex(client *http.Client, base string) {
	reader, writer := io.Pipe()
	request, _ := http.NewRequest("POST", base+"/duplex", reader)
	response, err := client.Do(request)
	if err != nil {
		fail("duplex: %v", err)
	}
	for i := 1; i < 100; i++ {
		writer.Write(bytes.Repeat([]byte("d"), i))
		if _, err := io.ReadFull(response.Body, make([]byte, i)); err != nil {
			fail("duplex piece %d: %v", i, err)
		}
	}
	writer.Close()
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
		fail("duplex end: %d bytes, %v", len(rest), err)
	}
}

// A stream that the server breaks off is an error for its reader alone.
func checkAbort(client *http.Client, base string) {
	slow, err := client.Get(base + "/abort")
	if err == nil {
		_, err = io.ReadAll(slow.Body)
	}
	if err == nil {
		fail("a broken body looked complete")
	}
	fetch(client.Get(base + "/name"))
}

var errSecondDial = errors.New("the connection takes no more requests")

// Requests with one connection for all of them. After a GOAWAY the next one wants another connection, which is how it
// shows; until then each has to be served. Those that were in flight have half of their content still to send.
func drain(base string) {
	var dials sync.Once
	transport := &http.Transport{Protocols: protocols(false)}
	transport.DialContext = func(ctx context.Context, network, address string) (connection net.Conn, err error) {
		err = errSecondDial
		dials.Do(func() { connection, err = new(net.Dialer).DialContext(ctx, network, address) })
		return connection, err
	}
	client := &http.Client{Transport: transport, Timeout: 60 * time.Second}
	fetch(client.Get(base + "/name"))
	half := bytes.Repeat([]byte("h"), 1000)
	want := fmt.Sprintf("%d %x", 2*len(half), sha256.Sum256(append(half, half...)))
	var begun, ended sync.WaitGroup
	isOver := make(chan struct{})
	for i := 0; i < 16; i++ {
		begun.Add(1)
		ended.Add(1)
		go func() {
			defer ended.Done()
			reader, writer := io.Pipe()
			go func() {
				writer.Write(half)
				begun.Done()
				<-isOver
				writer.Write(half)
				writer.Close()
			}()
			if got, _ := fetch(client.Post(base+"/digest", "text/plain", reader)); got != want {
				fail("in flight: %s", got)
			}
		}()
	}
	begun.Wait()
	fetch(client.Get(base + "/name"))
	fmt.Println("open")
	for {
		response, err := client.Get(base + "/name")
		if errors.Is(err, errSecondDial) {
			break
		}
		fetch(response, err)
	}
	close(isOver)
	ended.Wait()
	fmt.Println("ok")
}

func get(client *http.Client, url string, version int) *bufio.Reader {
	response, err := client.Get(url)
	if err != nil {
		fail("%s: %v", url, err)
	}
	if response.StatusCode != http.StatusOK || response.ProtoMajor != version {
		fail("%s: %s %s", url, response.Proto, response.Status)
	}
	return bufio.NewReader(response.Body)
}

// Nothing is told before the last piece of news has arrived, so that whatever holds one back on the way stops it all.
func hearNews(base string, version int) {
	offered := new(http.Protocols)
	offered.SetHTTP1(version == 1)
	offered.SetUnencryptedHTTP2(version == 2)
	newClient := func() *http.Client {
		return &http.Client{Transport: &http.Transport{Protocols: offered}, Timeout: 60 * time.Second}
	}
	listener, teller := newClient(), newClient()
	tell := func(news string) { io.Copy(io.Discard, get(teller, base+"/tell?"+news, version)) }

	stream := get(listener, base+"/events", version)
	next := func() string {
		line, err := stream.ReadString('\n')
		if empty, _ := stream.ReadString('\n'); err != nil || empty != "\n" {
			fail("event %q %q: %v", line, empty, err)
		}
		return strings.TrimSpace(strings.TrimPrefix(line, "data: "))
	}
	serverProto := next()
	for i := 0; i < 100; i++ {
		tell(strconv.Itoa(i))
		if got := next(); got != strconv.Itoa(i) {
			fail("event %d: %q", i, got)
		}
	}
	tell("end")
	if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
		fail("behind the events: %q, %v", rest, err)
	}

	for i := 0; i < 20; i++ {
		heard := make(chan string)
		go func() {
			body, _ := io.ReadAll(get(listener, base+"/poll", version))
			heard <- string(body)
		}()
		tell(strconv.Itoa(i))
		if got := <-heard; got != strconv.Itoa(i) {
			fail("poll %d: %q", i, got)
		}
	}
	fmt.Println("ok", serverProto)
}

func main() {
	if len(os.Args) == 4 && os.Args[1] == "news" {
		version, _ := strconv.Atoi(os.Args[3])
		hearNews(os.Args[2], version)
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "drain" {
		drain(os.Args[2])
		return
	}
	if len(os.Args) == 4 && os.Args[1] == "serve" {
		server := http.Server{Addr: os.Args[2], Handler: handle(os.Args[3]), Protocols: protocols(true)}
		log.Fatal(server.ListenAndServe())
	}
	if len(os.Args) != 3 || os.Args[1] != "check" {
		fail("usage: h2go serve ADDRESS NAME | h2go check URL")
	}
	base := os.Args[2]
	client := &http.Client{Transport: &http.Transport{Protocols: protocols(false)}, Timeout: 60 * time.Second}
	checkBodies(client, base)
	checkMany(client, base)
	checkDuplex(client, base)
	checkAbort(client, base)
	if _, response := fetch(client.Get(base + "/trailers")); response.Trailer.Get("X-Sum") != "behind" {
		fail("trailers: %v", response.Trailer)
	}
	if got, _ := fetch(client.Get(base + "/early")); got != "late" {
		fail("after an interim answer: %q", got)
	}
	fmt.Println("ok")
}
