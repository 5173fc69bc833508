// SPDX-License-Identifier: Apache-2.0
#include "client/report/write.h"
#include "tests/client/report_day.h"

#include <cstdio>
#include <cstring>

/// report_page full|empty|hostile: that page on stdout, for a parser or a browser to look at.
int main(int argc, char** argv) {
  using namespace gpujob;
  const char* which = argc > 1 ? argv[1] : "";
  if (std::strcmp(which, "full") != 0 && std::strcmp(which, "empty") != 0 &&
      std::strcmp(which, "hostile") != 0) {
    std::fputs("report_page full|empty|hostile\n", stderr);
    return 2;
  }
  auto gathered = *which == 'f' ? test::full_session(6, 2) : test::empty_session();
  if (*which == 'h') {
    gathered = test::hostile();
  } else if (*which == 'e') {
    gathered.gpu_note = "no NVIDIA library, no AMD GPU";
  }
  const auto page = client::report_html(client::make_report(gathered));
  return std::fwrite(page.data(), 1, page.size(), stdout) == page.size() ? 0 : 1;
}
