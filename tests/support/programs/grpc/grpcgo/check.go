package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const patience = 60 * time.Second

type client struct {
	*grpc.ClientConn
	ctx context.Context
}

func (c client) call(ctx context.Context, method string, data []byte, options ...grpc.CallOption) ([]byte, error) {
	var reply []byte
	err := c.Invoke(ctx, "/"+service+"/"+method, &data, &reply, options...)
	return reply, err
}

func (c client) mustCall(method string, data []byte, options ...grpc.CallOption) []byte {
	reply, err := c.call(c.ctx, method, data, options...)
	if err != nil {
		fail("%s: %v", method, err)
	}
	return reply
}

func (c client) open(ctx context.Context, method string) grpc.ClientStream {
	stream, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/"+service+"/"+method)
	if err != nil {
		fail("%s: %v", method, err)
	}
	return stream
}

func send(stream grpc.ClientStream, data []byte) {
	if err := stream.SendMsg(&data); err != nil {
		fail("send: %v", err)
	}
}

func receive(stream grpc.ClientStream) ([]byte, error) {
	var data []byte
	err := stream.RecvMsg(&data)
	return data, err
}

func mustReceive(stream grpc.ClientStream) []byte {
	data, err := receive(stream)
	if err != nil {
		fail("receive: %v", err)
	}
	return data
}

func expectCode(err error, wanted codes.Code) {
	if status.Code(err) != wanted {
		fail("status is %v (%v), wanted %v", status.Code(err), err, wanted)
	}
}

func number(args []string, otherwise int) int {
	if len(args) == 0 {
		return otherwise
	}
	value, err := strconv.Atoi(args[0])
	if err != nil {
		fail("%v", err)
	}
	return value
}

// waitEnded polls until the server has no call open: it hears of a cancellation after the client has gone on.
func (c client) waitEnded() {
	for end := time.Now().Add(patience / 2); string(c.mustCall("CountOpen", nil)) != "0"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			fail("the server was never told of the end")
		}
	}
}

func checkUnary(c client, _ []string) string {
	if got := c.mustCall("Echo", []byte("hello")); string(got) != "hello" {
		fail("got %q", got)
	}
	return string(c.mustCall("Echo", nil))
}

func checkServerStream(c client, args []string) string {
	count := number(args, 1000)
	stream := c.open(c.ctx, "Stream")
	order, _ := json.Marshal(Order{Count: count, Size: 1000})
	send(stream, order)
	stream.CloseSend()
	for i := 0; i < count; i++ {
		if got := mustReceive(stream); len(got) != 1000 {
			fail("message %d has %d bytes", i, len(got))
		}
	}
	if _, err := receive(stream); err != io.EOF {
		fail("at the end: %v", err)
	}
	return ""
}

func checkClientStream(c client, args []string) string {
	count := number(args, 1000)
	stream := c.open(c.ctx, "Collect")
	for i := 0; i < count; i++ {
		send(stream, make([]byte, i))
	}
	stream.CloseSend()
	if got, want := string(mustReceive(stream)), fmt.Sprintf("%d %d", count, count*(count-1)/2); got != want {
		fail("the server saw %s, wanted %s", got, want)
	}
	return ""
}

// Each answer is awaited before the next message goes: nothing may be held back on the way.
func checkBidi(c client, args []string) string {
	stream := c.open(c.ctx, "Chat")
	for i := 0; i < number(args, 200); i++ {
		said := []byte(strings.Repeat("x", i))
		send(stream, said)
		if got := mustReceive(stream); !bytes.Equal(got, said) {
			fail("message %d came back with %d bytes", i, len(got))
		}
	}
	stream.CloseSend()
	if _, err := receive(stream); err != io.EOF {
		fail("at the end: %v", err)
	}
	return ""
}

func checkCancel(c client, _ []string) string {
	ctx, cancel := context.WithCancel(c.ctx)
	stream := c.open(ctx, "Chat")
	send(stream, []byte("one"))
	mustReceive(stream)
	cancel()
	_, err := receive(stream)
	expectCode(err, codes.Canceled)
	c.waitEnded()
	return string(c.mustCall("Echo", []byte("the connection lives")))
}

func checkDeadline(c client, _ []string) string {
	ctx, cancel := context.WithTimeout(c.ctx, 300*time.Millisecond)
	defer cancel()
	_, err := c.call(ctx, "Hang", nil)
	expectCode(err, codes.DeadlineExceeded)
	c.waitEnded()
	return ""
}

// The status of a call that the server never answers, for whoever ends it.
func checkHang(c client, _ []string) string {
	_, err := c.call(c.ctx, "Hang", nil)
	return fmt.Sprintf("%d %s", status.Code(err), status.Convert(err).Message())
}

func checkOpen(c client, _ []string) string { return string(c.mustCall("CountOpen", nil)) }

func checkLarge(c client, args []string) string {
	data := make([]byte, number(args, 100<<20))
	for i := 0; i < len(data); i += 4096 {
		data[i] = byte(i >> 12)
	}
	if got := c.mustCall("Echo", data); !bytes.Equal(got, data) {
		fail("%d bytes came back, they differ", len(got))
	}
	return ""
}

func checkMetadata(c client, _ []string) string {
	ctx := metadata.AppendToOutgoingContext(c.ctx, "x-asked", "a", "x-asked", "b", "x-raw-bin", "\x00\x01\xfe")
	var header, trailer metadata.MD
	reply, err := c.call(ctx, "Describe", nil, grpc.Header(&header), grpc.Trailer(&trailer))
	if err != nil {
		fail("%v", err)
	}
	if got := trailer.Get("x-data-bin"); len(got) != 1 || got[0] != "\x00\xff" || len(trailer.Get("x-behind")) != 1 {
		fail("trailers are %v", trailer)
	}
	if len(header.Get("x-served-by")) != 1 {
		fail("headers are %v", header)
	}
	var said struct {
		Metadata map[string][]string `json:"metadata"`
	}
	json.Unmarshal(reply, &said)
	if got := strings.Join(said.Metadata["x-asked"], ","); strings.ReplaceAll(got, ", ", ",") != "a,b" {
		fail("the server saw %v", said.Metadata)
	}
	return ""
}

// Trailers without headers: the whole answer is one HEADERS frame.
func checkError(c client, _ []string) string {
	order, _ := json.Marshal(Order{Code: 5, Message: "nothing: ünïcode\n%"})
	var trailer metadata.MD
	_, err := c.call(c.ctx, "Fail", order, grpc.Trailer(&trailer))
	expectCode(err, codes.NotFound)
	if said := status.Convert(err).Message(); said != "nothing: ünïcode\n%" {
		fail("the message is %q", said)
	}
	if got := trailer.Get("x-detail"); len(got) != 1 || got[0] != "why" {
		fail("trailers are %v", trailer)
	}
	return ""
}

// The status of a call, whatever it is.
func checkStatus(c client, _ []string) string {
	_, err := c.call(c.ctx, "Echo", nil)
	return fmt.Sprintf("%d %s", status.Code(err), status.Convert(err).Message())
}

// How many of the calls, one after another over one connection, each server answered.
func checkNames(c client, args []string) string {
	seen := map[string]int{}
	for i := 0; i < number(args, 100); i++ {
		seen[describe(c, c.ctx)["name"].(string)]++
	}
	out, _ := json.Marshal(seen)
	return string(out)
}

func describe(c client, ctx context.Context) map[string]any {
	reply, err := c.call(ctx, "Describe", nil)
	if err != nil {
		fail("Describe: %v", err)
	}
	var said map[string]any
	json.Unmarshal(reply, &said)
	return said
}

// What the server saw of one call with this many milliseconds to go.
func checkDescribe(c client, args []string) string {
	ctx, cancel := context.WithTimeout(c.ctx, time.Duration(number(args, 30000))*time.Millisecond)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "x-tenant", "blue")
	out, _ := json.Marshal(describe(c, ctx))
	return string(out)
}

// One stream that nobody reads; calls beside it go on, and afterwards every byte of it is there.
func checkStalled(c client, args []string) string {
	count := number(args, 2000)
	stalled := c.open(c.ctx, "Stream")
	order, _ := json.Marshal(Order{Count: count, Size: 16384})
	send(stalled, order)
	stalled.CloseSend()
	for i := 0; i < 200; i++ {
		c.mustCall("Echo", make([]byte, 1000))
	}
	for i := 0; i < count; i++ {
		mustReceive(stalled)
	}
	return ""
}

// Calls that fail, and are cancelled, beside streams that go on.
func checkAlone(c client, _ []string) string {
	chat := c.open(c.ctx, "Chat")
	for i := 0; i < 50; i++ {
		order, _ := json.Marshal(Order{Code: 13, Message: "broken"})
		_, err := c.call(c.ctx, "Fail", order)
		expectCode(err, codes.Internal)
		ctx, cancel := context.WithCancel(c.ctx)
		other := c.open(ctx, "Chat")
		send(other, []byte("x"))
		cancel()
		send(chat, []byte("still here"))
		if got := mustReceive(chat); string(got) != "still here" {
			fail("got %q", got)
		}
	}
	return ""
}

// Calls until the input ends: none of them may fail, whatever servers and meshes do meanwhile.
func checkSteady(c client, args []string) string {
	fmt.Println("started")
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	for count := 0; ; count++ {
		select {
		case <-ended:
			return strconv.Itoa(count)
		default:
			c.mustCall("Echo", []byte("steady"))
		}
	}
}

// Streams in flight when the connection is told to take no more: each goes on and comes to its end.
func checkDrain(c client, _ []string) string {
	chats := make([]grpc.ClientStream, 16)
	for i := range chats {
		chats[i] = c.open(c.ctx, "Chat")
		send(chats[i], []byte("before"))
		mustReceive(chats[i])
	}
	fmt.Println("open")
	for state := c.GetState(); state == connectivity.Ready; state = c.GetState() {
		c.WaitForStateChange(c.ctx, state)
	}
	for _, chat := range chats {
		send(chat, []byte("after"))
		if got := mustReceive(chat); string(got) != "after" {
			fail("got %q", got)
		}
		chat.CloseSend()
	}
	for _, chat := range chats {
		if _, err := receive(chat); err != io.EOF {
			fail("at the end: %v", err)
		}
	}
	return ""
}

func check(target, name string, args []string) {
	checks := map[string]func(client, []string) string{
		"unary": checkUnary, "server_stream": checkServerStream, "client_stream": checkClientStream, "bidi": checkBidi,
		"cancel": checkCancel, "deadline": checkDeadline, "hang": checkHang, "open": checkOpen, "large": checkLarge,
		"metadata": checkMetadata, "error": checkError, "status": checkStatus, "names": checkNames,
		"describe": checkDescribe, "stalled": checkStalled, "alone": checkAlone, "steady": checkSteady, "drain": checkDrain}
	if checks[name] == nil {
		fail("no check is called %s", name)
	}
	connection, err := grpc.NewClient("passthrough:///"+target, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(plain{}), grpc.MaxCallRecvMsgSize(messageSizeMax),
			grpc.MaxCallSendMsgSize(messageSizeMax)))
	if err != nil {
		fail("%v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	fmt.Println(strings.TrimSpace("ok " + checks[name](client{connection, ctx}, args)))
}
