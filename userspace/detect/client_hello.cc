#include "userspace/detect/client_hello.h"

#include <algorithm>
#include <bitset>

namespace sluice::detect {
namespace {

constexpr size_t kRecordHeaderSize = 5;
constexpr size_t kHandshakeHeaderSize = 4;
constexpr uint8_t kHandshakeRecord = 0x16;
constexpr uint8_t kClientHelloType = 1;
constexpr size_t kRecordSizeMax = 16 * 1024;
constexpr uint32_t kServerNameExtension = 0;
constexpr uint8_t kHostNameType = 0;

// Reads big-endian fields; once something is missing everything after it is, too.
class Fields {
 public:
  explicit Fields(std::string_view rest) : rest_(rest) {}

  uint32_t Number(size_t size) {
    uint32_t value = 0;
    for (const char c : Bytes(size)) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }
  std::string_view Bytes(size_t size) {
    if (size > rest_.size()) {
      is_sound_ = false;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  // A vector behind a length of `length_size` bytes.
  std::string_view Vector(size_t length_size) { return Bytes(Number(length_size)); }
  bool is_empty() const { return rest_.empty(); }
  bool is_sound() const { return is_sound_; }

 private:
  std::string_view rest_;
  bool is_sound_ = true;
};

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

// Lower case and without a dot at the end, which RFC 6066 does not allow but some clients send.
bool TakeName(std::string_view text, std::string* name) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > kServerNameSizeMax) return false;
  name->clear();
  for (const char c : text) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    if (!IsNameChar(lower)) return false;
    name->push_back(lower);
  }
  return true;
}

bool ReadServerName(std::string_view extension, std::string* name) {
  Fields outer(extension);
  Fields list(outer.Vector(2));
  if (!outer.is_sound() || !outer.is_empty()) return false;
  bool has_name = false;
  while (!list.is_empty()) {
    const uint8_t type = static_cast<uint8_t>(list.Number(1));
    const std::string_view value = list.Vector(2);
    if (!list.is_sound()) return false;
    if (type != kHostNameType) continue;
    if (has_name || !TakeName(value, name)) return false;
    has_name = true;
  }
  return has_name;
}

bool ReadExtensions(std::string_view extensions, std::string* name) {
  Fields fields(extensions);
  std::bitset<65536> seen;
  while (!fields.is_empty()) {
    const uint32_t type = fields.Number(2);
    const std::string_view value = fields.Vector(2);
    if (!fields.is_sound() || seen[type]) return false;
    seen[type] = true;
    if (type == kServerNameExtension && !ReadServerName(value, name)) return false;
  }
  return true;
}

bool ReadHello(std::string_view hello, std::string* name) {
  Fields fields(hello);
  if (fields.Number(2) >> 8 != 3) return false;    // legacy_version
  fields.Bytes(32);                                // random
  if (fields.Vector(1).size() > 32) return false;  // legacy_session_id
  const size_t suites_size = fields.Vector(2).size();
  if (suites_size == 0 || suites_size % 2 != 0) return false;
  if (fields.Vector(1).empty()) return false;  // legacy_compression_methods
  if (!fields.is_sound()) return false;
  if (fields.is_empty()) return true;  // Before TLS 1.2 there need not be extensions.
  const std::string_view extensions = fields.Vector(2);
  return fields.is_sound() && fields.is_empty() && ReadExtensions(extensions, name);
}

size_t SizeAt(std::string_view text, size_t begin, size_t end) {
  size_t size = 0;
  for (size_t i = begin; i < end; ++i) size = size << 8 | static_cast<uint8_t>(text[i]);
  return size;
}

// What the records carry, behind each other, in `message`: as far as it is there and belongs to the
// first message. kComplete: all of it.
HelloStatus Assemble(std::string_view bytes, std::string* message) {
  bool is_first = true;
  while (!bytes.empty()) {
    if (static_cast<uint8_t>(bytes[0]) != kHandshakeRecord || (bytes.size() > 1 && bytes[1] != 3)) {
      return is_first ? HelloStatus::kNotTls : HelloStatus::kMalformed;
    }
    if (bytes.size() < kRecordHeaderSize) return HelloStatus::kNeedMore;
    const size_t record_size = SizeAt(bytes, 3, kRecordHeaderSize);
    if (record_size == 0 || record_size > kRecordSizeMax) return HelloStatus::kMalformed;
    bytes.remove_prefix(kRecordHeaderSize);
    message->append(bytes.substr(0, record_size));
    bytes.remove_prefix(std::min(record_size, bytes.size()));
    is_first = false;
    if (message->empty()) return HelloStatus::kNeedMore;
    if ((*message)[0] != kClientHelloType) return HelloStatus::kNotTls;
    if (message->size() < kHandshakeHeaderSize) continue;
    const size_t wanted = kHandshakeHeaderSize + SizeAt(*message, 1, kHandshakeHeaderSize);
    if (wanted > kClientHelloSizeMax) return HelloStatus::kTooLarge;
    if (message->size() < wanted) continue;
    message->resize(wanted);  // More may follow in the record; it is not looked at.
    return HelloStatus::kComplete;
  }
  return HelloStatus::kNeedMore;
}

}  // namespace

HelloStatus ParseClientHello(std::string_view first_bytes, std::string* server_name) {
  std::string message;
  const HelloStatus status = Assemble(first_bytes.substr(0, kClientHelloSizeMax), &message);
  const bool is_over = first_bytes.size() >= kClientHelloSizeMax;
  if (status == HelloStatus::kNeedMore && is_over) return HelloStatus::kTooLarge;
  if (status != HelloStatus::kComplete) return status;
  server_name->clear();
  const std::string_view hello = std::string_view(message).substr(kHandshakeHeaderSize);
  return ReadHello(hello, server_name) ? HelloStatus::kComplete : HelloStatus::kMalformed;
}

}  // namespace sluice::detect
