// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/sha256.h"

#include <array>
#include <cstdint>
#include <nettle/sha2.h>

namespace gpujob::durable {

Sha256::Sha256() : m_context(std::make_unique<sha256_ctx>()) {
  sha256_init(m_context.get());
}

Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) {
  sha256_update(m_context.get(), bytes.size(), reinterpret_cast<const std::uint8_t*>(bytes.data()));
}

std::string Sha256::hex() {
  std::array<std::uint8_t, SHA256_DIGEST_SIZE> digest{};
  sha256_digest(m_context.get(), digest.size(), digest.data());
  constexpr std::string_view k_digits = "0123456789abcdef";
  std::string out;
  for (const auto byte : digest) {
    out += k_digits[byte >> 4U];
    out += k_digits[byte & 15U];
  }
  return out;
}

} // namespace gpujob::durable
