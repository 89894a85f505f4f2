// Writes the body of an HTTP/1.1 message to a stream: as it comes if it is framed already, else
// with the chunks that its head has announced. Thread: one worker.
#pragma once

#include <string_view>

#include "absl/types/span.h"
#include "userspace/http/h1.h"
#include "userspace/proxy/exchange_parties.h"
#include "userspace/proxy/stream.h"

namespace sluice::proxy {

class H1BodyWriter {
 public:
  void Start(BodyForm form, http::BodyKind body) {
    is_chunking_ = form == BodyForm::kContent && body == http::BodyKind::kChunked;
  }
  void Write(Stream& stream, Received& received, std::string_view part) {
    if (is_chunking_)
      WriteChunk(stream, received, part);
    else
      stream.Forward(received, part);
  }
  void End(Stream& stream, absl::Span<const http::Header> trailers);

 private:
  static void WriteChunk(Stream& stream, Received& received, std::string_view part);

  bool is_chunking_ = false;
};

// The other way: reads the content of a framed body piece by piece and keeps its trailers. Used
// where the next party speaks HTTP/2.
class H1BodyReader {
 public:
  // bool take(std::string_view piece). Uses up *input as far as the body goes, and as `take` wants
  // more.
  template <typename Take>
  http::BodyFramer::Progress Read(http::BodyFramer& framer, std::string_view* input, Take take) {
    http::BodyFramer::Progress progress;
    do {
      const bool is_trailer = framer.is_in_trailers();
      std::string_view piece;
      progress = framer.FeedPiece(*input, &piece);
      if (is_trailer) trailers_.append(input->substr(0, progress.consumed));
      input->remove_prefix(progress.consumed);
      if (!piece.empty() && !take(piece)) break;
    } while (progress.status == http::ParseStatus::kNeedMore && !input->empty());
    return progress;
  }
  // Lines of HTTP/1.1; emptied by this.
  std::string TakeTrailers() { return std::move(trailers_); }

 private:
  std::string trailers_;
};

}  // namespace sluice::proxy
