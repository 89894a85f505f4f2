#include "userspace/http/h2_secrets.h"

#include "userspace/http/h1_chars.h"
#include "userspace/http/h1_names.h"

namespace sluice::http {

void AppendSecretNames(absl::Span<const Header> headers, uint8_t secret_pseudo,
                       std::string& names) {
  for (size_t i = 0; secret_pseudo != 0 && i < kH2PseudoNames.size(); ++i) {
    const bool is_secret = (secret_pseudo & SecretBit(static_cast<H2Pseudo>(i))) != 0;
    if (is_secret) names.append(kH2PseudoNames[i].name).append("\n");
  }
  for (const Header& header : headers) {
    if (!header.is_never_indexed) continue;
    for (const char c : header.name) names.push_back(ToLower(c));
    names.push_back('\n');
  }
}

uint8_t MarkSecrets(std::string_view names, absl::Span<Header> headers) {
  uint8_t secret_pseudo = 0;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find('\n'));
    names.remove_prefix(name.size() + 1);
    for (size_t i = 0; i < kH2PseudoNames.size(); ++i) {
      if (name == kH2PseudoNames[i].name) secret_pseudo |= SecretBit(static_cast<H2Pseudo>(i));
    }
    for (Header& header : headers) {
      if (EqualsIgnoreCase(header.name, name)) header.is_never_indexed = true;
    }
  }
  return secret_pseudo;
}

}  // namespace sluice::http
