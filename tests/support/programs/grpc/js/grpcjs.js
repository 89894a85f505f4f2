// gRPC with grpc-js, whose HTTP/2 is Node's, as a server and as a client: the same methods and checks as grpcgo.
//
//     grpcjs.js serve ADDRESS NAME
//     grpcjs.js check TARGET CHECK [NUMBER]
//
// A check prints one line, "ok" and what it saw, and exits 0; or it prints what was wrong and exits 1.
'use strict';

const {once} = require('events');
const grpc = require('@grpc/grpc-js');

const SERVICE = 'sluice.test.Echo';
const PATIENCE_MS = 60000;
const OPTIONS = {
  'grpc.max_receive_message_length': 256 << 20, 'grpc.max_send_message_length': 256 << 20,
  'grpc.enable_http_proxy': 0, 'grpc.enable_retries': 0,
};
const {status} = grpc;
const asIs = (data) => data;

function definition(method, requestStream, responseStream) {
  return {
    path: `/${SERVICE}/${method}`, requestStream, responseStream, requestSerialize: asIs, requestDeserialize: asIs,
    responseSerialize: asIs, responseDeserialize: asIs,
  };
}

const METHODS = {
  Echo: definition('Echo', false, false), Describe: definition('Describe', false, false),
  Fail: definition('Fail', false, false), Hang: definition('Hang', false, false),
  CountOpen: definition('CountOpen', false, false), Stream: definition('Stream', false, true),
  Collect: definition('Collect', true, false), Chat: definition('Chat', true, true),
};

// The server.

function behaviours(name) {
  let open = 0; // Calls of Hang, Stream and Chat that have not ended.

  function countOpen(call) {
    let isOpen = true;
    const end = () => {
      if (isOpen) open -= 1;
      isOpen = false;
    };
    open += 1;
    call.on('cancelled', end);
    call.on('finish', end);
  }

  return {
    Echo: (call, answer) => answer(null, call.request),
    Describe: (call, answer) => {
      const said = {name, peer: call.getPeer(), metadata: {}};
      for (const key of Object.keys(call.metadata.getMap())) {
        said.metadata[key] = call.metadata.get(key).map((value) => (Buffer.isBuffer(value) ? value.toString('hex') : value));
      }
      const deadline = Number(call.getDeadline());
      if (Number.isFinite(deadline)) said.deadline_ms = Math.round(deadline - Date.now());
      const headers = new grpc.Metadata();
      headers.set('x-served-by', name);
      call.sendMetadata(headers);
      const trailers = new grpc.Metadata();
      trailers.set('x-behind', 'trailer');
      trailers.set('x-data-bin', Buffer.from([0, 255]));
      answer(null, Buffer.from(JSON.stringify(said)), trailers);
    },
    Fail: (call, answer) => {
      const order = JSON.parse(call.request);
      const metadata = new grpc.Metadata();
      metadata.set('x-detail', 'why');
      answer({code: order.code, details: order.message, metadata});
    },
    Hang: countOpen, // It never answers.
    CountOpen: (_, answer) => answer(null, Buffer.from(String(open))),
    Stream: async (call) => {
      countOpen(call);
      const order = JSON.parse(call.request);
      for (let i = 0; i < order.count && !call.cancelled; i += 1) {
        if (!call.write(Buffer.alloc(order.size))) await Promise.race([once(call, 'drain'), once(call, 'cancelled')]);
      }
      call.end();
    },
    Collect: async (call, answer) => {
      let count = 0;
      let size = 0;
      for await (const message of call) {
        count += 1;
        size += message.length;
      }
      answer(null, Buffer.from(`${count} ${size}`));
    },
    Chat: (call) => {
      countOpen(call);
      call.on('data', (data) => call.write(data));
      call.on('end', () => call.end());
      call.on('error', () => {});
    },
  };
}

function serve(address, name) {
  const server = new grpc.Server(OPTIONS);
  server.addService(METHODS, behaviours(name));
  server.bindAsync(address, grpc.ServerCredentials.createInsecure(), (error) => {
    if (error) throw error;
  });
  process.on('SIGTERM', () => server.tryShutdown(() => process.exit(0))); // GOAWAY, and calls in flight end well.
}

// The client.

function expect(isTrue, ...what) {
  if (!isTrue) throw new Error(what.join(' '));
}

function metadataOf(pairs = []) {
  const made = new grpc.Metadata();
  for (const [key, value] of pairs) made.add(key, value);
  return made;
}

const within = (ms = PATIENCE_MS) => ({deadline: Date.now() + ms});

class Client {
  constructor(target) {
    this.client = new grpc.Client(target, grpc.credentials.createInsecure(), OPTIONS);
  }

  // {reply, headers, status}; `status` has code, details and the trailers.
  call(method, data = '', ms = PATIENCE_MS, pairs = []) {
    return new Promise((resolve) => {
      const seen = {};
      const call = this.client.makeUnaryRequest(METHODS[method].path, asIs, asIs, Buffer.from(data), metadataOf(pairs),
        within(ms), (_, reply) => { seen.reply = reply; });
      call.on('metadata', (headers) => { seen.headers = headers; });
      call.on('status', (ended) => setImmediate(resolve, Object.assign(seen, {status: ended})));
    });
  }

  async ask(method, data, ms, pairs) {
    const seen = await this.call(method, data, ms, pairs);
    expect(seen.status.code === status.OK, method, seen.status.code, seen.status.details);
    return seen.reply;
  }

  stream(count, size) {
    return this.client.makeServerStreamRequest(METHODS.Stream.path, asIs, asIs, Buffer.from(JSON.stringify({count, size})),
      metadataOf(), within());
  }

  chat() {
    return new Chat(this.client.makeBidiStreamRequest(METHODS.Chat.path, asIs, asIs, metadataOf(), within()));
  }

  // Polls until the server has no call open: it hears of a cancellation after the client has gone on.
  async waitEnded() {
    const end = Date.now() + PATIENCE_MS / 2;
    while (String(await this.ask('CountOpen')) !== '0') {
      expect(Date.now() < end, 'the server was never told of the end');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

// A stream in which each message is sent when it is given.
class Chat {
  constructor(call) {
    this.stream = call;
    this.ended = new Promise((resolve) => call.on('status', resolve));
    call.on('error', () => {}); // The status says it.
    this.answers = call[Symbol.asyncIterator]();
  }

  async say(data) {
    this.stream.write(Buffer.from(data));
    return (await this.answers.next()).value;
  }
}

const CHECKS = {
  async unary(client) {
    expect(String(await client.ask('Echo', 'hello')) === 'hello', 'another answer');
    return client.ask('Echo');
  },

  async server_stream(client, number = 1000) {
    let count = 0;
    for await (const message of client.stream(number, 1000)) {
      expect(message.length === 1000, 'message', count, 'has', message.length, 'bytes');
      count += 1;
    }
    expect(count === number, count, 'messages');
  },

  client_stream(client, number = 1000) {
    return new Promise((resolve, reject) => {
      const call = client.client.makeClientStreamRequest(METHODS.Collect.path, asIs, asIs, metadataOf(), within(),
        (error, reply) => {
          const wanted = `${number} ${number * (number - 1) / 2}`;
          if (!error && String(reply) === wanted) resolve();
          else reject(error || new Error(`the server saw ${reply}`));
        });
      for (let i = 0; i < number; i += 1) call.write(Buffer.alloc(i));
      call.end();
    });
  },

  // Each answer is awaited before the next message goes: nothing may be held back on the way.
  async bidi(client, number = 200) {
    const chat = client.chat();
    for (let i = 0; i < number; i += 1) {
      const said = 'x'.repeat(i);
      expect(String(await chat.say(said)) === said, 'message', i, 'came back differently');
    }
    chat.stream.end();
    expect((await chat.answers.next()).done, 'more answers than messages');
    expect((await chat.ended).code === status.OK, 'status', (await chat.ended).code);
  },

  async cancel(client) {
    const chat = client.chat();
    await chat.say('one');
    chat.stream.cancel();
    expect((await chat.ended).code === status.CANCELLED, 'status', (await chat.ended).code);
    await client.waitEnded();
    return client.ask('Echo', 'the connection lives');
  },

  async deadline(client) {
    const {status: ended} = await client.call('Hang', '', 300);
    expect(ended.code === status.DEADLINE_EXCEEDED, 'status', ended.code, ended.details);
    await client.waitEnded();
  },

  // The status of a call that the server never answers, for whoever ends it.
  async hang(client) {
    const {status: ended} = await client.call('Hang');
    return `${ended.code} ${ended.details}`;
  },

  open: (client) => client.ask('CountOpen'),

  async large(client, number = 100 << 20) {
    const data = Buffer.alloc(number);
    for (let i = 0; i < data.length; i += 4096) data[i] = (i >> 12) & 255;
    expect((await client.ask('Echo', data)).equals(data), 'another answer');
  },

  async metadata(client) {
    const seen = await client.call('Describe', '', PATIENCE_MS,
      [['x-asked', 'a'], ['x-asked', 'b'], ['x-raw-bin', Buffer.from([0, 1, 254])]]);
    const trailers = seen.status.metadata;
    expect(trailers.get('x-behind').length === 1, 'trailers', JSON.stringify(trailers));
    expect(trailers.get('x-data-bin')[0].equals(Buffer.from([0, 255])), 'trailers', JSON.stringify(trailers));
    expect(seen.headers.get('x-served-by').length === 1, 'headers', JSON.stringify(seen.headers));
    const asked = JSON.parse(seen.reply).metadata['x-asked'].join(',').replace(', ', ',');
    expect(asked === 'a,b', 'the server saw', asked);
  },

  // Trailers without headers: the whole answer is one HEADERS frame.
  async error(client) {
    const message = 'nothing: ünïcode\n%';
    const {status: ended} = await client.call('Fail', JSON.stringify({code: status.NOT_FOUND, message}));
    expect(ended.code === status.NOT_FOUND, 'status', ended.code);
    expect(ended.details === message, 'the message is', JSON.stringify(ended.details));
    expect(ended.metadata.get('x-detail')[0] === 'why', 'trailers', JSON.stringify(ended.metadata));
  },

  // The status of a call, whatever it is.
  async status(client) {
    const {status: ended} = await client.call('Echo');
    return `${ended.code} ${ended.details}`;
  },

  // How many of the calls, one after another over one connection, each server answered.
  async names(client, number = 100) {
    const seen = {};
    for (let i = 0; i < number; i += 1) {
      const {name} = JSON.parse(await client.ask('Describe'));
      seen[name] = (seen[name] || 0) + 1;
    }
    return JSON.stringify(seen);
  },

  // What the server saw of one call with this many milliseconds to go.
  describe: (client, number = 30000) => client.ask('Describe', '', number, [['x-tenant', 'blue']]),

  // One stream that nobody reads; calls beside it go on, and afterwards every byte of it is there.
  async stalled(client, number = 2000) {
    const stalled = client.stream(number, 16384);
    for (let i = 0; i < 200; i += 1) await client.ask('Echo', Buffer.alloc(1000));
    let size = 0;
    for await (const message of stalled) size += message.length;
    expect(size === number * 16384, size, 'bytes');
  },

  // Calls that fail, and are cancelled, beside a stream that goes on.
  async alone(client) {
    const chat = client.chat();
    for (let i = 0; i < 50; i += 1) {
      const {status: ended} = await client.call('Fail', '{"code": 13, "message": "broken"}');
      expect(ended.code === status.INTERNAL, 'status', ended.code);
      const other = client.chat();
      await other.say('x');
      other.stream.cancel();
      expect(String(await chat.say('still here')) === 'still here', 'another answer');
    }
  },

  // Calls until the input ends: none may fail, whatever servers and meshes do meanwhile.
  async steady(client) {
    console.log('started');
    let hasEnded = false;
    process.stdin.on('end', () => { hasEnded = true; }).resume();
    let count = 0;
    for (; !hasEnded; count += 1) await client.ask('Echo', 'steady');
    return count;
  },

  // Streams in flight when the connection is told to take no more: each goes on and comes to its end.
  async drain(client) {
    const chats = Array.from({length: 16}, () => client.chat());
    for (const chat of chats) await chat.say('before');
    console.log('open');
    const channel = client.client.getChannel();
    while (channel.getConnectivityState(false) === grpc.connectivityState.READY) {
      await new Promise((resolve) => {
        channel.watchConnectivityState(grpc.connectivityState.READY, Date.now() + PATIENCE_MS, resolve);
      });
    }
    for (const chat of chats) {
      expect(String(await chat.say('after')) === 'after', 'another answer');
      chat.stream.end();
    }
    for (const chat of chats) {
      const ended = await chat.ended;
      expect(ended.code === status.OK, 'status', ended.code, ended.details);
    }
  },
};

async function check(target, name, number) {
  let line;
  let code = 0;
  try {
    const seen = await CHECKS[name](new Client(target), number === undefined ? undefined : Number(number));
    line = `ok ${seen === undefined ? '' : seen}`.trim();
  } catch (error) {
    line = String(error.message || error);
    code = 1;
  }
  process.stdout.write(`${line}\n`, () => process.exit(code));
}

const [verb, ...rest] = process.argv.slice(2);
({serve, check})[verb](...rest);
