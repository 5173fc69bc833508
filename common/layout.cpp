// SPDX-License-Identifier: Apache-2.0
#include "common/layout.h"

#include "common/text.h"
#include "common/tree.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <dirent.h>
#include <fmt/format.h>
#include <glob.h>
#include <memory>
#include <set>
#include <sys/stat.h>

namespace gpujob::layout {

namespace {

constexpr std::size_t k_max_signed_files = 10000;
/// HF below an output directory below GPUJOB_CKPT_DIR is two.
constexpr int k_max_descent = 2;

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

bool is_number(std::string_view s) {
  return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos;
}

/// "prefix<n>" with at least `digits` digits.
bool is_numbered(std::string_view name, std::string_view prefix, std::size_t digits) {
  return name.starts_with(prefix) && is_number(name.substr(prefix.size())) &&
         name.size() >= prefix.size() + digits;
}

/// What frameworks write beside their checkpoints: trackers, logs, configurations.
bool is_side_file(std::string_view name) {
  constexpr std::array<std::string_view, 12> k_names{"latest",
                                                     "checkpoint",
                                                     "latest_checkpointed_iteration.txt",
                                                     "config.json",
                                                     "generation_config.json",
                                                     "trainer_state.json",
                                                     "hparams.yaml",
                                                     "tokenizer.json",
                                                     "tokenizer_config.json",
                                                     "special_tokens_map.json",
                                                     "README.md",
                                                     "metrics.csv"};
  return std::find(k_names.begin(), k_names.end(), name) != k_names.end() ||
         name.find(".tfevents.") != std::string_view::npos ||
         ends_with_any(name, {".log", ".lock", ".py", ".sh", ".out", ".err"});
}

Kind classify_dir(std::string_view name) {
  if (is_numbered(name, "checkpoint-", 1)) {
    return Kind::hf_dir;
  }
  if (is_numbered(name, "iter_", 7)) {
    return Kind::megatron_dir;
  }
  return is_number(name) ? Kind::orbax_dir : Kind::dir;
}

Kind classify_file(std::string_view name) {
  if (ends_with_any(name, {".pt", ".pth", ".ckpt"})) {
    return Kind::torch;
  }
  if (ends_with_any(name, {".npz", ".keras"})) {
    return Kind::zip;
  }
  if (name.ends_with(".safetensors")) {
    return Kind::safetensors;
  }
  if (ends_with_any(name, {".h5", ".hdf5"})) {
    return Kind::hdf5;
  }
  if (is_side_file(name)) {
    return Kind::side_file;
  }
  const bool weak =
      ends_with_any(name, {".json", ".jsonl", ".txt", ".csv", ".yaml", ".yml", ".md"});
  return weak ? Kind::weak_file : Kind::file;
}

std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash) {
  for (const char c : bytes) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return hash;
}

std::string signature_of(const std::string& path, const Tree& tree) {
  auto hash = fnv1a(path, 0xcbf29ce484222325U);
  for (const auto& file : tree.files) {
    hash = fnv1a(fmt::format("{}\n{} {} {}\n", file.relative, file.size, file.mtime_ns, file.inode),
                 hash);
  }
  for (const auto& dir : tree.dirs) {
    hash = fnv1a(dir + "/\n", hash);
  }
  return fmt::format("{}{} files, {} bytes, {:016x}", tree.files.size(), tree.truncated ? "+" : "",
                     tree.bytes(), hash);
}

class Finder {
public:
  void directory(const std::string& dir, int depth);
  void glob(const std::string& pattern);
  std::vector<Candidate> take();

private:
  void add(const Entry& entry);

  std::vector<Candidate> m_found;
  std::set<std::string> m_paths;
};

void Finder::add(const Entry& entry) {
  if (!m_paths.insert(entry.path).second) {
    return;
  }
  const auto tree = list_tree(entry.path, k_max_signed_files);
  if (!tree || tree->files.empty()) {
    return;
  }
  m_found.push_back(Candidate{entry.path, classify(entry), signature_of(entry.path, *tree),
                              wall_from_ns(tree->newest_mtime_ns()), tree->bytes()});
}

/// Files, directories and links to files. A link to a directory may lead to a data set.
std::vector<Entry> entries_of(const std::string& dir) {
  std::vector<Entry> entries;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(dir.c_str()), &::closedir);
  if (!open) {
    return entries;
  }
  while (const dirent* entry = ::readdir(open.get())) {
    const auto path = dir + "/" + entry->d_name;
    struct stat st {};
    if (is_temporary_name(entry->d_name) || ::lstat(path.c_str(), &st) != 0) {
      continue;
    }
    if (S_ISDIR(st.st_mode)) {
      entries.push_back({path, true});
    } else if (::stat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode)) {
      entries.push_back({path, false});
    }
  }
  return entries;
}

bool is_known_dir(const Entry& entry) {
  const auto kind = classify(entry);
  return kind == Kind::hf_dir || kind == Kind::megatron_dir || kind == Kind::orbax_dir;
}

bool holds_known_dirs(const std::string& dir, int depth) {
  const auto entries = entries_of(dir);
  return std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
    return is_known_dir(entry) ||
           (entry.is_dir && depth < k_max_descent && holds_known_dirs(entry.path, depth + 1));
  });
}

void Finder::directory(const std::string& dir, int depth) {
  std::vector<Entry> weak;
  bool strong = false;
  for (const auto& entry : entries_of(dir)) {
    const auto kind = classify(entry);
    if (kind == Kind::weak_file) {
      weak.push_back(entry);
    } else if (kind == Kind::dir && depth < k_max_descent && holds_known_dirs(entry.path, depth)) {
      strong = true;
      directory(entry.path, depth + 1);
    } else if (kind != Kind::side_file) {
      strong = true;
      add(entry);
    }
  }
  for (const auto& entry : weak) {
    if (!strong && depth == 0) {
      add(entry);
    }
  }
}

void Finder::glob(const std::string& pattern) {
  glob_t matches{};
  const std::unique_ptr<glob_t, void (*)(glob_t*)> owner(&matches, &::globfree);
  if (pattern.empty() || pattern.front() != '/' ||
      ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches) != 0) {
    return;
  }
  for (std::size_t i = 0; i < matches.gl_pathc && i < k_max_signed_files; ++i) {
    const auto path = parent_path(matches.gl_pathv[i]) + "/" + base_name(matches.gl_pathv[i]);
    struct stat st {};
    if (!is_temporary_name(base_name(path)) && ::stat(path.c_str(), &st) == 0) {
      add({path, S_ISDIR(st.st_mode)});
    }
  }
}

std::vector<Candidate> Finder::take() {
  std::stable_sort(m_found.begin(), m_found.end(), [](const Candidate& a, const Candidate& b) {
    return a.newest_mtime != b.newest_mtime ? a.newest_mtime < b.newest_mtime : a.path < b.path;
  });
  return std::move(m_found);
}

} // namespace

std::string_view to_text(Kind kind) {
  constexpr std::array<std::string_view, 12> k_texts{
      "temporary", "side_file", "weak_file",   "hf_dir", "megatron_dir", "orbax_dir",
      "torch",     "zip",       "safetensors", "hdf5",   "file",         "dir"};
  static_assert(k_texts.size() == static_cast<std::size_t>(Kind::dir) + 1);
  return k_texts[static_cast<std::size_t>(kind)];
}

bool is_temporary_name(std::string_view name) {
  const auto stale = name.rfind(".stale-");
  return name.empty() || name.front() == '.' ||
         ends_with_any(name, {".tmp", ".partial", ".part", ".swp", ".incomplete", "~"}) ||
         name.find(".tmp.") != std::string_view::npos ||
         name.find(".tmp-") != std::string_view::npos ||
         name.find(".orbax-checkpoint-tmp") != std::string_view::npos ||
         name.starts_with("tmp-checkpoint-") ||
         (stale != std::string_view::npos && is_number(name.substr(stale + 7)));
}

Kind classify(const Entry& entry) {
  const auto name = base_name(entry.path);
  if (is_temporary_name(name)) {
    return Kind::temporary;
  }
  return entry.is_dir ? classify_dir(name) : classify_file(name);
}

std::vector<Candidate> find_candidates(const std::string& dir,
                                       const std::vector<std::string>& globs) {
  Finder finder;
  if (!dir.empty()) {
    const auto end = dir.find_last_not_of('/');
    finder.directory(end == std::string::npos ? dir : dir.substr(0, end + 1), 0);
  }
  for (const auto& pattern : globs) {
    finder.glob(pattern);
  }
  return finder.take();
}

} // namespace gpujob::layout
