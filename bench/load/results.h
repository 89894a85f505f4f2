// What one run of the load generator saw. Errors are counted by what went wrong; none of them is a
// request.
#pragma once

#include <cstdint>

#include "bench/load/histogram.h"

namespace sluice::bench {

struct Results {
  Histogram latency;  // From the moment a request was meant to be sent to the end of its answer.
  uint64_t requests = 0;       // Answered with 2xx within the measured time.
  uint64_t received_size = 0;  // Bytes that came within the measured time, heads too.
  uint64_t connections = 0;    // Opened.
  uint64_t non_2xx = 0;
  uint64_t connect_errors = 0;
  uint64_t read_errors = 0;  // A reset, or an end in the middle of an answer.
  uint64_t write_errors = 0;
  uint64_t bad_answers = 0;  // Not HTTP/1.1 as we know it.
  uint64_t unanswered = 0;   // Sent, and no answer at the end of the run.
  uint64_t unsent =
      0;  // Open loop: due, but every connection was busy until the end. In `latency` as well.
  uint64_t stalled_size = 0;  // Bytes of content that came on streams which are not read.
  double seconds = 0;         // The measured time, without warm-up.

  uint64_t errors() const {
    return non_2xx + connect_errors + read_errors + write_errors + bad_answers + unanswered;
  }
};

}  // namespace sluice::bench
