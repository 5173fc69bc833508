// SPDX-License-Identifier: Apache-2.0
#include "common/archive.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace gpujob::archive {

namespace {

std::uint64_t size_of(int fd) {
  struct stat st {};
  return ::fstat(fd, &st) == 0 && st.st_size > 0 ? static_cast<std::uint64_t>(st.st_size) : 0;
}

/// Exactly `size` bytes at `at`, or nothing.
std::optional<std::string> read_at(int fd, std::uint64_t at, std::size_t size) {
  std::string out(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const auto n = ::pread(fd, out.data() + done, size - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n <= 0) {
      return std::nullopt;
    }
    done += static_cast<std::size_t>(n);
  }
  return out;
}

/// Little-endian; the caller knows that the bytes are there.
std::uint64_t number(std::string_view bytes, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  for (std::size_t i = width; i > 0; --i) {
    value = value << 8U | static_cast<unsigned char>(bytes[at + i - 1]);
  }
  return value;
}

// APPNOTE.TXT 6.3.9, sections 4.3.12 to 4.3.16.
constexpr std::string_view k_local{"PK\3\4", 4};
constexpr std::string_view k_central{"PK\1\2", 4};
constexpr std::string_view k_end{"PK\5\6", 4};
constexpr std::string_view k_end64{"PK\6\6", 4};
constexpr std::string_view k_locator64{"PK\6\7", 4};
constexpr std::size_t k_end_size = 22, k_end64_size = 56, k_locator_size = 20, k_entry_size = 46;
constexpr std::size_t k_max_comment = 65535;
/// Half a million entries: an order of magnitude above the largest checkpoints.
constexpr std::uint64_t k_max_directory = 64U << 20U;

struct Directory {
  std::uint64_t entries = 0, size = 0, offset = 0;
};

/// Sizes of 0xffffffff and counts of 0xffff mean: see the zip64 record, which a locator right
/// before the end record points to.
std::optional<Directory> zip64_directory(int fd, std::uint64_t end_at) {
  const auto locator =
      end_at < k_locator_size ? std::nullopt : read_at(fd, end_at - k_locator_size, k_locator_size);
  if (!locator || !locator->starts_with(k_locator64)) {
    return std::nullopt;
  }
  const auto record = read_at(fd, number(*locator, 8, 8), k_end64_size);
  if (!record || !record->starts_with(k_end64)) {
    return std::nullopt;
  }
  return Directory{number(*record, 32, 8), number(*record, 40, 8), number(*record, 48, 8)};
}

/// Every entry is there and the data of each begins before the directory.
Verdict check_directory(int fd, const Directory& d, std::uint64_t end_at) {
  if (d.size > end_at || d.offset > end_at - d.size || d.size > k_max_directory) {
    return "the zip's directory lies outside of the file";
  }
  const auto bytes = read_at(fd, d.offset, static_cast<std::size_t>(d.size));
  if (!bytes) {
    return "the zip's directory cannot be read";
  }
  std::string_view rest = *bytes;
  for (std::uint64_t i = 0; i < d.entries; ++i) {
    if (rest.size() < k_entry_size || !rest.starts_with(k_central)) {
      return "the zip's directory is damaged";
    }
    const auto offset = number(rest, 42, 4);
    const auto length =
        k_entry_size + number(rest, 28, 2) + number(rest, 30, 2) + number(rest, 32, 2);
    if (length > rest.size() || (offset != 0xffffffff && offset >= d.offset)) {
      return "the zip's directory is damaged";
    }
    rest.remove_prefix(length);
  }
  return d.entries == 0 ? "the zip is empty" : "";
}

Verdict check_end(int fd, std::string_view tail, std::size_t at, std::uint64_t end_at) {
  Directory d{number(tail, at + 10, 2), number(tail, at + 12, 4), number(tail, at + 16, 4)};
  if (d.entries == 0xffff || d.size == 0xffffffff || d.offset == 0xffffffff) {
    const auto large = zip64_directory(fd, end_at);
    // 65535 entries fit the small record too.
    if (!large && d.size != 0xffffffff && d.offset != 0xffffffff) {
      return check_directory(fd, d, end_at);
    }
    if (!large) {
      return "the zip's 64-bit end is missing";
    }
    d = *large;
  }
  return check_directory(fd, d, end_at);
}

} // namespace

bool looks_like_zip(int fd) {
  const auto first = read_at(fd, 0, 4);
  return first && *first == k_local;
}

Verdict check_zip(int fd) {
  const auto size = size_of(fd);
  const auto tail_size = std::min<std::uint64_t>(size, k_end_size + k_max_comment);
  const auto tail = read_at(fd, size - tail_size, static_cast<std::size_t>(tail_size));
  Verdict why = "the zip's end is missing";
  if (!tail) {
    return "it cannot be read";
  }
  // Backwards, since a comment may hold the signature as well; the true one ends with the file.
  for (auto at = tail->rfind(k_end); at != std::string::npos;
       at = at == 0 ? std::string::npos : tail->rfind(k_end, at - 1)) {
    if (tail->size() - at >= k_end_size &&
        at + k_end_size + number(*tail, at + 20, 2) == tail->size()) {
      why = check_end(fd, *tail, at, size - tail_size + at);
      if (why.empty()) {
        return why;
      }
    }
  }
  return why;
}

Verdict check_safetensors(int fd) {
  constexpr std::uint64_t k_max_header = 100U << 20U; // the format's own limit, 100 MB
  const auto size = size_of(fd);
  const auto prefix = read_at(fd, 0, 8);
  if (!prefix) {
    return "shorter than its header";
  }
  const auto header_size = number(*prefix, 0, 8);
  if (header_size > k_max_header || header_size > size - 8) {
    return "shorter than its header";
  }
  const auto text = read_at(fd, 8, static_cast<std::size_t>(header_size));
  // {"name": {"data_offsets": [a, b]}} is three deep; what is deeper is not kept, so that no header
  // of a hundred million brackets becomes a tree.
  const auto shallow = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    return depth <= 3;
  };
  const auto header = text ? nlohmann::json::parse(*text, shallow, false) : nlohmann::json();
  if (!header.is_object()) {
    return "its header is not JSON";
  }
  std::uint64_t end = 0;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") {
      continue;
    }
    const auto offsets =
        tensor.is_object() ? tensor.value("data_offsets", nlohmann::json()) : nlohmann::json();
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[1].is_number_unsigned()) {
      return "its header has a tensor without data_offsets";
    }
    end = std::max(end, offsets[1].get<std::uint64_t>());
  }
  const auto data = size - 8 - header_size;
  return data == end ? "" : fmt::format("it holds {} bytes of data, its header says {}", data, end);
}

Verdict check_hdf5(int fd) {
  constexpr std::string_view k_signature{"\x89HDF\r\n\x1a\n", 8};
  const auto size = size_of(fd);
  // The superblock is at 0, or at 512, 1024, 2048 ... behind a block of the user's own.
  std::uint64_t at = 0;
  auto first = read_at(fd, at, 8);
  while (first && *first != k_signature && at < (1U << 20U)) {
    at = at == 0 ? 512 : at * 2;
    first = read_at(fd, at, 8);
  }
  if (!first || *first != k_signature) {
    return "it has no HDF5 signature";
  }
  const auto block = read_at(fd, at + 8, std::min<std::uint64_t>(size - at - 8, 64));
  if (!block || block->size() < 44) {
    return "shorter than its header";
  }
  const auto version = number(*block, 0, 1);
  const auto width = number(*block, version < 2 ? 5 : 1, 1);
  if (version > 3 || width != 8) {
    return ""; // A form we cannot measure: the signature has to do.
  }
  if (version == 3 && (number(*block, 3, 1) & 1U) != 0) {
    return "it is still open for writing";
  }
  // "End of file address": the third address of the superblock, or the second behind the version 2
  // base; HDF5 File Format Specification 3.0, II.A.
  const std::size_t base_at = version == 0 ? 16 : version == 1 ? 20 : 4;
  const auto end = number(*block, base_at + 16, 8);
  return size < end ? fmt::format("it is {} bytes long, its header says {}", size, end) : "";
}

Verdict check_torch(int fd) {
  const auto first = read_at(fd, 0, 2);
  if (!first) {
    return "it is empty or cannot be read";
  }
  const bool pickle = (*first)[0] == '\x80' && (*first)[1] >= 2 && (*first)[1] <= 5;
  if (pickle) {
    return "";
  }
  if ((*first)[0] == '\x89') {
    return check_hdf5(fd);
  }
  return looks_like_zip(fd) ? check_zip(fd) : "it is neither a zip nor a pickle";
}

} // namespace gpujob::archive
