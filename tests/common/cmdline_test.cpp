// SPDX-License-Identifier: Apache-2.0
#include "common/cmdline.h"

#include "common/file.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <fcntl.h>
#include <sys/mman.h>

using namespace gpujob;

namespace {

Cmdline sample() {
  return {{"python", "", "a b\n\xff"}, "/work dir", {"A=1", "EMPTY=", "ODD=\xfe=x"}};
}

} // namespace

TEST_CASE("a command line comes back byte for byte", "[cmdline]") {
  CHECK(decode_cmdline(encode_cmdline(sample())).value() == sample());
  const Cmdline bare{{"true"}, "", {}};
  CHECK(decode_cmdline(encode_cmdline(bare)).value() == bare);
  Cmdline large = sample();
  large.env.assign(20000, std::string(100, 'e'));
  CHECK(decode_cmdline(encode_cmdline(large)).value() == large);
}

TEST_CASE("no part and no damage of it passes", "[cmdline]") {
  const auto whole = encode_cmdline(sample());
  for (std::size_t n = 0; n < whole.size(); ++n) {
    INFO(n);
    REQUIRE_FALSE(decode_cmdline(whole.substr(0, n)));
  }
  CHECK_FALSE(decode_cmdline(whole + "x"));
  CHECK_FALSE(decode_cmdline(whole + std::string(1, '\0')));
  for (const char* count : {"-1", "9999999999", "99999999999999999999", "1x", ""}) {
    const std::string bytes = std::string("gpujob-cmdline 1") + '\0' + count + '\0' + "a" + '\0';
    CHECK_FALSE(decode_cmdline(bytes));
  }
  Cmdline empty = sample();
  empty.argv.clear();
  CHECK(decode_cmdline(encode_cmdline(empty)).error().code == Errc::bad_data);
}

TEST_CASE("a sealed memfd is read, and cannot be changed", "[cmdline]") {
  const auto fd = make_sealed_memfd(encode_cmdline(sample()));
  REQUIRE(fd);
  CHECK(read_cmdline_memfd(fd->get()).value() == sample());
  CHECK(read_cmdline_memfd(fd->get()).value() == sample()); // the position does not matter
  CHECK(::write(fd->get(), "x", 1) < 0);
  CHECK(::ftruncate(fd->get(), 0) < 0);
}

TEST_CASE("a descriptor that its sender can still change is refused", "[cmdline]") {
  const auto bytes = encode_cmdline(sample());
  const Fd open{::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  REQUIRE(write_all(open.get(), bytes));
  CHECK_FALSE(read_cmdline_memfd(open.get()));
  REQUIRE(::fcntl(open.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK) == 0);
  CHECK_FALSE(read_cmdline_memfd(open.get())); // could still grow and be unsealed no more

  const test::TempDir dir;
  const auto file = open_file(dir / "f", O_RDWR | O_CREAT);
  REQUIRE(write_all(file->get(), bytes));
  CHECK_FALSE(read_cmdline_memfd(file->get()));
  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
  const Fd read_end{pipe[0]}, write_end{pipe[1]};
  CHECK_FALSE(read_cmdline_memfd(read_end.get()));
  CHECK_FALSE(read_cmdline_memfd(-1));
}
