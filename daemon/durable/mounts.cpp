// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/mounts.h"

#include "common/file.h"
#include "common/text.h"
#include "daemon/durable/place.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

namespace gpujob::durable {

namespace {

/// Space, tab, newline and backslash stand as \040 and so on (getmntent(3)).
std::string unescape(std::string_view field) {
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size() && is_octal(field[i + 1]) &&
        is_octal(field[i + 2]) && is_octal(field[i + 3])) {
      out += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                               (field[i + 3] - '0'));
      i += 3;
    } else {
      out += field[i];
    }
  }
  return out;
}

std::vector<Mount> parse(std::string_view text) {
  std::vector<Mount> out;
  for (auto line : split(text, '\n')) {
    std::replace(line.begin(), line.end(), '\t', ' ');
    auto fields = split(trim(line), ' ');
    std::erase(fields, "");
    if (fields.size() >= 3 && fields[0].front() != '#' && fields[1].front() == '/') {
      out.push_back(Mount{unescape(fields[1]), fields[2]});
    }
  }
  return out;
}

/// Links resolved as far as the path exists.
std::string real_path(const std::string& path) {
  std::error_code ec;
  const auto real = std::filesystem::weakly_canonical(path, ec);
  return ec ? path : real.string();
}

constexpr const char* k_drive_remedy = "mount it first, in the notebook: from google.colab import "
                                       "drive; drive.mount('/content/drive')";

} // namespace

bool lies_under(std::string_view path, std::string_view point) {
  return point == "/" || path == point ||
         (path.starts_with(point) && path.size() > point.size() && path[point.size()] == '/');
}

bool is_fuse(std::string_view type) {
  return type.starts_with("fuse");
}

Mount MountTable::covering(std::string_view path) const {
  Mount best{"", "unknown"};
  for (const auto& mount : mounted) {
    // Of two mounts on one point the later one hides the other.
    if (lies_under(path, mount.point) && mount.point.size() >= best.point.size()) {
      best = mount;
    }
  }
  return best;
}

MountTable parse_mounts(std::string_view mounts, std::string_view fstab) {
  return MountTable{parse(mounts), parse(fstab)};
}

MountTable read_mounts() {
  constexpr std::size_t k_max = 16U << 20U;
  const auto mounts = read_file("/proc/self/mounts", k_max);
  const auto fstab = read_file("/etc/fstab", k_max);
  return parse_mounts(mounts ? *mounts : std::string(), fstab ? *fstab : std::string());
}

Result<Mount> check_mount(const std::string& path, const std::string& require_mount,
                          const MountTable& table) {
  const auto real = real_path(path);
  auto mount = table.covering(real);
  const bool drive = lies_under(real, "/content/drive") || lies_under(real, "/content/gdrive");
  if (drive && !is_fuse(mount.type)) {
    return place_error(path, std::string("Google Drive is not mounted there: ") + k_drive_remedy);
  }
  if (!require_mount.empty() && mount.type != require_mount &&
      !mount.type.starts_with(require_mount + ".")) {
    return place_error(path, fmt::format("no {} is mounted there (it lies on {} at {}): mount it "
                                         "first or give another --durable",
                                         require_mount, mount.type, mount.point));
  }
  for (const auto& wanted : table.wanted) {
    const auto is_there = [&](const Mount& m) { return m.point == wanted.point; };
    if (wanted.point != "/" && lies_under(real, wanted.point) &&
        std::none_of(table.mounted.begin(), table.mounted.end(), is_there)) {
      return place_error(path, fmt::format("/etc/fstab has {} at {}, and it is not mounted: mount "
                                           "it first or give another --durable",
                                           wanted.type, wanted.point));
    }
  }
  return mount;
}

} // namespace gpujob::durable
