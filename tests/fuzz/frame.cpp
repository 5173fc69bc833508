// SPDX-License-Identifier: Apache-2.0
// The reader of every socket: the same frames however the bytes arrive, and the cap holds.
#include "common/frame.h"
#include "tests/fuzz/fuzz.h"

#include <algorithm>
#include <vector>

using namespace gpujob;
using fuzz::expect;

namespace {

/// What the reader must make of a stream: its frames up to the first that is too long.
struct Truth {
  std::vector<std::string> frames;
  bool too_long = false;
};

Truth read_plainly(std::string_view stream) {
  Truth truth;
  while (!truth.too_long) {
    const auto end = stream.find('\n');
    truth.too_long = std::min(end, stream.size()) >= k_max_frame;
    if (truth.too_long || end == std::string_view::npos) {
      break;
    }
    truth.frames.emplace_back(stream.substr(0, end));
    stream.remove_prefix(end + 1);
  }
  return truth;
}

} // namespace

/// The first byte says how the rest is cut into pieces.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  std::uint32_t random = data[0];
  const auto stream = fuzz::expand(data + 1, size - 1);
  const auto truth = read_plainly(stream);

  FrameReader reader;
  std::vector<std::string> frames;
  bool fits = true;
  std::string_view rest = stream;
  while (fits && !rest.empty()) {
    random = random * 1664525U + 1013904223U;
    const auto piece = rest.substr(0, data[0] == 0 ? rest.size() : 1 + (random >> 16U) % 20000);
    fits = reader.feed(piece);
    rest.remove_prefix(piece.size());
    while (auto frame = fits ? reader.next() : std::nullopt) {
      frames.push_back(std::move(*frame));
    }
    expect(!fits || reader.pending() < k_max_frame, "less than a frame waits");
  }
  expect(fits != truth.too_long, "exactly a frame above the cap is refused");
  expect(frames.size() <= truth.frames.size(), "no frame is made up");
  expect(std::equal(frames.begin(), frames.end(), truth.frames.begin()), "frames come unchanged");
  expect(!fits || frames.size() == truth.frames.size(), "no frame is lost");
  return 0;
}
