// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct sha256_ctx;

namespace gpujob::durable {

/// One running SHA-256.
class Sha256 {
public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();

  void update(std::string_view bytes);
  /// 64 lower-case hexadecimal digits; the object then starts anew.
  std::string hex();

private:
  std::unique_ptr<sha256_ctx> m_context;
};

} // namespace gpujob::durable
