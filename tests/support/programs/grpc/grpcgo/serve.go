package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

type server struct {
	name string
	open atomic.Int64 // Calls of Hang, Stream and Chat that have not ended.
}

// Order is what a request asks for; each method reads its own fields.
type Order struct {
	Code    uint32 `json:"code"`
	Message string `json:"message"`
	Count   int    `json:"count"`
	Size    int    `json:"size"`
}

func parse(data []byte) Order {
	var order Order
	json.Unmarshal(data, &order)
	return order
}

func (s *server) echo(_ context.Context, data []byte) ([]byte, error) { return data, nil }

// describe tells what of the call arrived.
func (s *server) describe(ctx context.Context, _ []byte) ([]byte, error) {
	said := map[string]any{"name": s.name}
	if received, ok := metadata.FromIncomingContext(ctx); ok {
		said["metadata"] = received
	}
	if deadline, ok := ctx.Deadline(); ok {
		said["deadline_ms"] = time.Until(deadline).Milliseconds()
	}
	if from, ok := peer.FromContext(ctx); ok {
		said["peer"] = from.Addr.String()
	}
	grpc.SetHeader(ctx, metadata.Pairs("x-served-by", s.name))
	grpc.SetTrailer(ctx, metadata.Pairs("x-behind", "trailer", "x-data-bin", "\x00\xff"))
	return json.Marshal(said)
}

func (s *server) fail(ctx context.Context, data []byte) ([]byte, error) {
	order := parse(data)
	grpc.SetTrailer(ctx, metadata.Pairs("x-detail", "why"))
	return nil, status.Error(codes.Code(order.Code), order.Message)
}

// hang answers only when the call has ended.
func (s *server) hang(ctx context.Context, _ []byte) ([]byte, error) {
	s.open.Add(1)
	defer s.open.Add(-1)
	<-ctx.Done()
	return nil, status.FromContextError(ctx.Err()).Err()
}

func (s *server) countOpen(context.Context, []byte) ([]byte, error) {
	return fmt.Appendf(nil, "%d", s.open.Load()), nil
}

func (s *server) stream(stream grpc.ServerStream) error {
	s.open.Add(1)
	defer s.open.Add(-1)
	var data []byte
	if err := stream.RecvMsg(&data); err != nil {
		return err
	}
	order := parse(data)
	for i := 0; i < order.Count; i++ {
		message := make([]byte, order.Size)
		if err := stream.SendMsg(&message); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) collect(stream grpc.ServerStream) error {
	count, size := 0, 0
	for {
		var data []byte
		err := stream.RecvMsg(&data)
		if err == io.EOF {
			reply := fmt.Appendf(nil, "%d %d", count, size)
			return stream.SendMsg(&reply)
		}
		if err != nil {
			return err
		}
		count, size = count+1, size+len(data)
	}
}

func (s *server) chat(stream grpc.ServerStream) error {
	s.open.Add(1)
	defer s.open.Add(-1)
	for {
		var data []byte
		if err := stream.RecvMsg(&data); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.SendMsg(&data); err != nil {
			return err
		}
	}
}

func unary(name string, answer func(*server, context.Context, []byte) ([]byte, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error,
		_ grpc.UnaryServerInterceptor) (any, error) {
		var data []byte
		if err := decode(&data); err != nil {
			return nil, err
		}
		reply, err := answer(srv.(*server), ctx, data)
		return &reply, err
	}}
}

func streaming(name string, run func(*server, grpc.ServerStream) error, fromServer, fromClient bool) grpc.StreamDesc {
	return grpc.StreamDesc{StreamName: name, ServerStreams: fromServer, ClientStreams: fromClient,
		Handler: func(srv any, stream grpc.ServerStream) error { return run(srv.(*server), stream) }}
}

func serve(address, name string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	made := grpc.NewServer(grpc.ForceServerCodec(plain{}), grpc.MaxRecvMsgSize(messageSizeMax), grpc.MaxSendMsgSize(messageSizeMax))
	made.RegisterService(&grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{
			unary("Echo", (*server).echo), unary("Describe", (*server).describe), unary("Fail", (*server).fail),
			unary("Hang", (*server).hang), unary("CountOpen", (*server).countOpen)},
		Streams: []grpc.StreamDesc{
			streaming("Stream", (*server).stream, true, false), streaming("Collect", (*server).collect, false, true),
			streaming("Chat", (*server).chat, true, true)}}, &server{name: name})
	go func() { // SIGTERM: GOAWAY, and calls in flight come to their end.
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM)
		<-stop
		made.GracefulStop()
	}()
	if err := made.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
