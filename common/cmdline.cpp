// SPDX-License-Identifier: Apache-2.0
#include "common/cmdline.h"

#include "common/file.h"
#include "common/text.h"

#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <sys/mman.h>

namespace gpujob {

namespace {

constexpr std::string_view k_magic = "gpujob-cmdline 1";
constexpr int k_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

/// Cuts NUL-terminated fields off the front.
struct Fields {
  std::string_view rest;

  std::optional<std::string> next() {
    const auto end = rest.find('\0');
    if (end == std::string_view::npos) {
      return std::nullopt;
    }
    std::string field(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    return field;
  }

  std::optional<std::vector<std::string>> list() {
    const auto count_text = next();
    const auto count = count_text ? parse_int(*count_text) : std::nullopt;
    // Each field takes at least its NUL, so a larger count cannot be true.
    if (!count || *count < 0 || static_cast<std::size_t>(*count) > rest.size()) {
      return std::nullopt;
    }
    std::vector<std::string> out;
    for (long long i = 0; i < *count; ++i) {
      auto field = next();
      if (!field) {
        return std::nullopt;
      }
      out.push_back(std::move(*field));
    }
    return out;
  }
};

void append_list(std::string& out, const std::vector<std::string>& list) {
  out += fmt::format("{}", list.size());
  out += '\0';
  for (const auto& item : list) {
    out += item;
    out += '\0';
  }
}

} // namespace

std::string encode_cmdline(const Cmdline& c) {
  std::string out(k_magic);
  out += '\0';
  append_list(out, c.argv);
  out += c.cwd;
  out += '\0';
  append_list(out, c.env);
  return out;
}

Result<Cmdline> decode_cmdline(std::string_view bytes) {
  const auto bad = Error{Errc::bad_data, "command line: not in the form this version reads"};
  Fields fields{bytes};
  if (fields.next() != k_magic) {
    return bad;
  }
  auto argv = fields.list();
  auto cwd = argv ? fields.next() : std::nullopt;
  auto env = cwd ? fields.list() : std::nullopt;
  if (!env || argv->empty() || !fields.rest.empty()) {
    return bad;
  }
  return Cmdline{std::move(*argv), std::move(*cwd), std::move(*env)};
}

Result<Fd> make_sealed_memfd(std::string_view bytes) {
  Fd fd{::memfd_create("gpujob-cmdline", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!fd) {
    return io_error("memfd_create", "command line", errno);
  }
  GPUJOB_TRY(write_all(fd.get(), bytes));
  if (::fcntl(fd.get(), F_ADD_SEALS, k_seals) != 0) {
    return io_error("seal", "command line", errno);
  }
  return fd;
}

Result<Cmdline> read_cmdline_memfd(int fd) {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & k_seals) != k_seals) {
    return Error{Errc::bad_data, "command line: the descriptor is not a sealed memfd"};
  }
  auto bytes = read_fd(fd, 64U << 20U);
  if (!bytes) {
    return bytes.error();
  }
  return decode_cmdline(*bytes);
}

} // namespace gpujob
