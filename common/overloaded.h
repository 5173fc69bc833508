// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace gpujob {

/// One visitor out of a lambda for each alternative: std::visit(Overloaded{...}, variant).
template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

} // namespace gpujob
