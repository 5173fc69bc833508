// SPDX-License-Identifier: Apache-2.0
#include "daemon/shim/copying.h"

#include "common/clock.h"
#include "common/file.h"
#include "common/layout.h"
#include "common/text.h"
#include "common/tree.h"
#include "daemon/shim/copy_tree.h"
#include "daemon/shim/writers.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <dirent.h>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace gpujob::shim {

namespace {

/// As long as the watcher waits before files count.
constexpr Duration k_settle = std::chrono::seconds{2};
constexpr int k_look_ms = 200;
/// The newest, and the one before it: until the newest has proved good it is the best there is.
constexpr std::size_t k_kept = 2;
constexpr std::string_view k_prefix = "copy-";

struct Number {
  long long attempt = 0, count = 0;
  auto operator<=>(const Number&) const = default;
};

std::optional<Number> number_of(std::string_view name) {
  if (!name.starts_with(k_prefix)) {
    return std::nullopt;
  }
  name.remove_prefix(k_prefix.size());
  const auto dash = name.find('-');
  const auto attempt = parse_int(name.substr(0, dash));
  const auto count =
      dash == std::string_view::npos ? std::nullopt : parse_int(name.substr(dash + 1));
  return attempt && count ? std::optional(Number{*attempt, *count}) : std::nullopt;
}

/// Paths of the copies in `store`, oldest first.
std::vector<std::string> copies_in(const std::string& store) {
  std::vector<std::pair<Number, std::string>> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(store.c_str()), &::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    if (const auto number = number_of(entry->d_name)) {
      found.emplace_back(*number, store + "/" + entry->d_name);
    }
  }
  std::ranges::sort(found);
  std::vector<std::string> paths;
  for (auto& [number, path] : found) {
    paths.push_back(std::move(path));
  }
  return paths;
}

void say(const std::string& line) {
  std::puts(printable(line).c_str());
  std::fflush(stdout);
}

Result<void> check_all(const std::vector<std::string>& paths) {
  for (const auto& path : paths) {
    GPUJOB_TRY(layout::check_complete(path));
  }
  return {};
}

/// The newest copy, when it holds just these files as they are now.
std::string same_as_newest(const std::string& store, const std::vector<Tree>& trees) {
  const auto copies = copies_in(store);
  return !copies.empty() && is_copy_of(copies.back(), trees) ? copies.back() : std::string();
}

std::uint64_t bytes_of(const std::vector<Tree>& trees) {
  std::uint64_t sum = 0;
  for (const auto& tree : trees) {
    sum += tree.bytes();
  }
  return sum;
}

/// What copies that were killed have left.
void remove_halves(const std::string& store) {
  std::vector<std::string> halves;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::opendir(store.c_str()), &::closedir);
  while (const dirent* entry = dir ? ::readdir(dir.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    if (name.front() == '.' && number_of(name.substr(1))) {
      halves.push_back(store + "/" + entry->d_name);
    }
  }
  for (const auto& half : halves) {
    (void)remove_tree(half);
  }
}

/// The job must still be able to write: as much as the copy takes is kept free beside it. For that
/// older copies go, never the newest.
Result<void> make_room(const std::string& store, std::uint64_t bytes) {
  const auto free_bytes = [&store]() -> std::optional<std::uint64_t> {
    struct statvfs fs {};
    return ::statvfs(store.c_str(), &fs) == 0 ? std::optional(fs.f_bavail * fs.f_frsize)
                                              : std::nullopt;
  };
  auto left = free_bytes();
  auto copies = copies_in(store);
  while (left && *left / 2 < bytes && copies.size() > 1) {
    const auto older = list_all({copies.front()});
    if (!older || (*left + bytes_of(*older)) / 2 < bytes) {
      break; // it would go for nothing
    }
    GPUJOB_TRY(remove_tree(copies.front()));
    copies.erase(copies.begin());
    left = free_bytes();
  }
  if (left && *left / 2 < bytes) {
    return Error{Errc::io,
                 fmt::format("no room for the copy in {}: it takes {}, as much is to stay "
                             "free for the job, and {} are free",
                             store, format_bytes(bytes), format_bytes(*left))};
  }
  return {};
}

/// One try; an empty path: what was copied has changed meanwhile, or may yet.
Result<std::string> copy_now(int shim, const std::string& store, const std::string& name,
                             const std::vector<std::string>& paths,
                             const std::vector<Tree>& trees) {
  const auto temporary = store + "/." + name;
  GPUJOB_TRY(make_directories(store));
  remove_halves(store);
  GPUJOB_TRY(make_room(store, bytes_of(trees)));
  GPUJOB_TRY(make_directories(temporary));
  for (const auto& tree : trees) {
    if (const auto copied = copy_tree(tree, temporary); !copied) {
      (void)remove_tree(temporary);
      return copied.error().code == Errc::refused ? Result<std::string>(std::string())
                                                  : copied.error();
    }
  }
  const auto after = list_all(paths);
  if (!after || *after != trees || !open_for_writing(shim, trees).empty()) {
    (void)remove_tree(temporary);
    return std::string();
  }
  const auto path = store + "/" + name;
  GPUJOB_TRY(fsync_path(temporary));
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return io_error("rename", path, errno);
  }
  GPUJOB_TRY(fsync_path(store));
  const auto copies = copies_in(store);
  for (std::size_t i = 0; i + k_kept < copies.size(); ++i) {
    (void)remove_tree(copies[i]);
  }
  return path;
}

} // namespace

bool is_copy(const std::string& checkpoint) {
  return number_of(base_name(checkpoint)).has_value();
}

int run_copy(int parent, const std::string& dir, const std::string& name,
             const std::vector<std::string>& paths) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL); // it never outlives the attempt
  if (::getppid() != parent) {
    return 1;
  }
  const auto store = dir + "/.copies";
  std::optional<std::vector<Tree>> seen;
  std::string told;
  bool looked_at = false;
  auto since = read_clocks().boot;
  const auto wait_because = [&](const std::string& why) {
    if (why != told) {
      say(told = why);
    }
  };
  for (;; ::poll(nullptr, 0, k_look_ms)) {
    auto trees = list_all(paths);
    const auto now = read_clocks().boot;
    if (!trees) {
      seen.reset();
      wait_because(trees.error().text);
      continue;
    }
    if (!seen || *seen != *trees) {
      seen = std::move(*trees);
      since = now;
      looked_at = false;
      wait_because("it is being written");
      continue;
    }
    if (looked_at || now - since < k_settle) {
      continue;
    }
    if (const auto path = open_for_writing(parent, *seen); !path.empty()) {
      wait_because(path + ": it is open for writing");
      continue;
    }
    looked_at = true;
    if (const auto whole = check_all(paths); !whole) {
      wait_because(whole.error().text);
      continue;
    }
    if (const auto same = same_as_newest(store, *seen); !same.empty()) {
      std::puts(same.c_str());
      return 0;
    }
    const auto copied = copy_now(parent, store, name, paths, *seen);
    if (!copied) {
      say(copied.error().text);
      return 1;
    }
    if (!copied->empty()) {
      std::puts(copied->c_str());
      return 0;
    }
    seen.reset();
  }
}

} // namespace gpujob::shim
