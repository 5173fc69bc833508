// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/result.h"
#include "common/time.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What checkpoints look like on disk, and how each kind tells that it is whole. Reads metadata and
/// a few bytes of each file, hashes nothing. Bad input is an answer, never a crash.
namespace gpujob::layout {

enum class Kind : std::uint8_t {
  temporary, ///< being written, or set aside by us: never a checkpoint
  side_file, ///< lies beside checkpoints and is none: logs, trackers, configurations
  weak_file, ///< *.json, *.txt and the like: a checkpoint only where nothing better lies beside it
  hf_dir,    ///< Hugging Face Trainer: checkpoint-<n>/
  megatron_dir, ///< iter_<7 digits>/, named by latest_checkpointed_iteration.txt when whole
  orbax_dir,    ///< <step>/
  torch,        ///< *.pt *.pth *.ckpt: a zip, or an old pickle
  zip,          ///< *.npz *.keras
  safetensors,
  hdf5, ///< *.h5 *.hdf5, Keras' *.weights.h5
  file, ///< any other: whole when not empty
  dir,  ///< any other: whole when every file in it is
};

std::string_view to_text(Kind kind);

/// A path and what lies there.
struct Entry {
  std::string path;
  bool is_dir = false;
};

/// By name alone.
Kind classify(const Entry& entry);

/// Whether a name says "not finished", or is one of our own that was set aside (*.stale-<n>).
bool is_temporary_name(std::string_view name);

/// The layout's own test of completeness. Errc::refused with "PATH: why" when it is not whole,
/// Errc::not_found when nothing is there. `path` is absolute.
Result<void> check_complete(const std::string& path);

struct Candidate {
  std::string path;
  Kind kind = Kind::file;
  /// Changes when a file is added, removed, resized, rewritten or replaced: equal for two seconds
  /// means nobody is writing. Covers the first 10 000 files.
  std::string signature;
  WallTime newest_mtime{};
  std::uint64_t bytes = 0;
};

/// The checkpoints in `dir` (GPUJOB_CKPT_DIR; empty: none) and those that match `globs` (absolute,
/// glob(3)), each once, oldest first. Whole or not: check_complete says. A directory of no known
/// kind that holds known ones stands for those.
std::vector<Candidate> find_candidates(const std::string& dir,
                                       const std::vector<std::string>& globs);

} // namespace gpujob::layout
