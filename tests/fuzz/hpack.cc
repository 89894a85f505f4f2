// The input is a run of blocks, each behind one byte of length; what a block decodes to is encoded
// again and must decode to the same. The first byte chooses the size of the table.
#include <string>
#include <string_view>
#include <vector>

#include "userspace/base/check.h"
#include "userspace/http/hpack_decoder.h"
#include "userspace/http/hpack_encoder.h"

namespace sluice::http {
namespace {

constexpr size_t kRoom = 4096;  // The decoders ask for room for a whole table.

struct Field {
  std::string name;
  std::string value;
  bool is_never_indexed;
  bool operator==(const Field&) const = default;
};

HpackStatus Decode(HpackDecoder& decoder, std::string_view block, std::vector<Field>& fields) {
  std::vector<char> out(kRoom);
  decoder.Start(block);
  for (;;) {
    HpackField field;
    const HpackStatus status = decoder.Next(out.data(), out.size(), &field);
    SLUICE_CHECK(decoder.table().size() <= decoder.table().size_max());
    if (status == HpackStatus::kTooLarge) continue;
    if (status != HpackStatus::kField) return status;
    SLUICE_CHECK(field.name.size() + HpackDecoder::kGap + field.value.size() <= kRoom);
    fields.push_back({std::string(field.name), std::string(field.value), field.is_never_indexed});
  }
}

void CheckRoundTrip(const std::vector<Field>& fields, HpackEncoder& encoder,
                    HpackDecoder& decoder) {
  std::string block;
  encoder.Start(block);
  for (const Field& field : fields) {
    encoder.Add(field.name, field.value,
                field.is_never_indexed ? HpackIndexing::kNever : HpackIndexing::kByName, block);
  }
  std::vector<Field> again;
  SLUICE_CHECK(Decode(decoder, block, again) == HpackStatus::kEnd);
  SLUICE_CHECK(again.size() == fields.size());
  for (size_t i = 0; i < fields.size(); ++i) {
    SLUICE_CHECK(again[i].name == fields[i].name && again[i].value == fields[i].value);
    SLUICE_CHECK(!fields[i].is_never_indexed || again[i].is_never_indexed);
  }
  SLUICE_CHECK(encoder.table().size() == decoder.table().size());
}

}  // namespace
}  // namespace sluice::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sluice::http;
  if (size == 0) return 0;
  const uint32_t table_size = data[0] * 4u;
  HpackDecoder decoder(table_size);
  HpackEncoder encoder(table_size);
  HpackDecoder second(4096);
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  while (!rest.empty()) {
    const size_t block_size = static_cast<uint8_t>(rest[0]);
    const std::string_view block = rest.substr(1, block_size);
    rest.remove_prefix(1 + block.size());
    std::vector<Field> fields;
    if (Decode(decoder, block, fields) == HpackStatus::kBad) return 0;
    CheckRoundTrip(fields, encoder, second);
  }
  return 0;
}
