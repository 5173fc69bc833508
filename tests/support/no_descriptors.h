// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>

namespace gpujob::test {

/// While it lives nothing can be opened (EMFILE). The test framework, too, must do without.
class NoDescriptors {
public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &m_before);
    const rlimit none{0, m_before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &m_before); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

private:
  rlimit m_before{};
};

} // namespace gpujob::test
