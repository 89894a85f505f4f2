// What exchanges are made of, kept by a worker to be used again. Thread: one worker.
#pragma once

#include "userspace/proxy/exchange.h"
#include "userspace/proxy/http2_stream.h"
#include "userspace/proxy/http2_upstream.h"
#include "userspace/proxy/turn_pool.h"

namespace sluice::proxy {

static_assert(sizeof(Exchange) + sizeof(Http2Stream) + sizeof(Http2Carrier) +
                  2 * sizeof(http::H2Stream) <=
              kExchangeSize);

struct ExchangePools {
  // At the end of a turn.
  void Recycle() {
    exchanges.Recycle();
    streams.Recycle();
    carriers.Recycle();
  }

  TurnPool<Exchange> exchanges{kExchangesKept};
  TurnPool<Http2Stream> streams{kExchangesKept};
  TurnPool<Http2Carrier> carriers{kExchangesKept};
};

}  // namespace sluice::proxy
