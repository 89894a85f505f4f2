// Applies header changes while fields are forwarded. Room-private.
//
// Each field name is folded by itself: the last kSet or kRemove decides the value to start from,
// every kAdd after it joins. The first field of a name carries the result; further ones stay only
// where nothing was set or removed.
#pragma once

#include <string_view>

#include "userspace/http/h1.h"
#include "userspace/http/h1_head_writer.h"

namespace sluice::http {

class Changes {
 public:
  Changes(absl::Span<const HeaderChange> rule, absl::Span<const HeaderChange> backend)
      : rule_(rule), backend_(backend) {}

  bool empty() const { return rule_.empty() && backend_.empty(); }
  size_t size() const { return rule_.size() + backend_.size(); }
  const HeaderChange& operator[](size_t i) const {
    return i < rule_.size() ? rule_[i] : backend_[i - rule_.size()];
  }

  // Writes headers[i] as the changes leave it.
  void Forward(absl::Span<const Header> headers, size_t i, const char* line_end,
               HeadWriter& writer) const;
  // Writes the fields that the changes add and `headers` does not have.
  void PutNew(absl::Span<const Header> headers, HeadWriter& writer) const;
  // The value of the last kSet of "host"; empty if there is none.
  std::string_view HostSet() const;
  size_t TextSize() const;

 private:
  // Index after the last kSet or kRemove of `name`; 0 if there is none. *is_touched: any change
  // names it.
  size_t Start(std::string_view name, bool* is_touched) const;
  void PutFolded(std::string_view name, const std::string_view* original, HeadWriter& writer) const;

  absl::Span<const HeaderChange> rule_;
  absl::Span<const HeaderChange> backend_;
};

}  // namespace sluice::http
