// SPDX-License-Identifier: Apache-2.0
#include "common/archive.h"
#include "common/file.h"
#include "common/json.h"
#include "common/layout.h"
#include "common/text.h"
#include "common/tree.h"

#include <algorithm>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <set>

namespace gpujob::layout {

namespace {

/// Zarr and OCDBT checkpoints have very many small files; above this it is no checkpoint.
constexpr std::size_t k_max_files = 1000000;

Error incomplete(const std::string& path, const std::string& why) {
  return Error{Errc::refused, fmt::format("checkpoint: {}: {}", path, why)};
}

std::string file_of(const Tree& tree, const std::string& relative) {
  return tree.parent + "/" + relative;
}

/// Of a file of this kind that is not empty.
archive::Verdict verdict_of(Kind kind, const std::string& name, int fd) {
  if (kind == Kind::torch) {
    return archive::check_torch(fd);
  }
  if (kind == Kind::safetensors) {
    return archive::check_safetensors(fd);
  }
  if (kind == Kind::hdf5) {
    return archive::check_hdf5(fd);
  }
  // pytorch_model.bin, optimizer.bin; other programs' *.bin may be anything.
  const bool zip = kind == Kind::zip || (name.ends_with(".bin") && archive::looks_like_zip(fd));
  return zip ? archive::check_zip(fd) : "";
}

bool is_known(Kind kind) {
  return kind == Kind::torch || kind == Kind::safetensors || kind == Kind::hdf5 ||
         kind == Kind::zip;
}

Result<void> check_file(const Tree& tree, const TreeFile& file) {
  const auto path = file_of(tree, file.relative);
  const auto name = base_name(path);
  const auto kind = classify({path, false});
  if (file.size == 0) {
    // Inside of a directory empty files are markers, unless they should hold tensors.
    return tree.is_dir && !is_known(kind) ? Result<void>{} : incomplete(path, "it is empty");
  }
  if (!is_known(kind) && !name.ends_with(".bin")) {
    return {};
  }
  auto fd = open_regular(path);
  if (!fd) {
    return fd.error();
  }
  const auto why = verdict_of(kind, name, fd->get());
  return why.empty() ? Result<void>{} : incomplete(path, why);
}

bool has(const Tree& tree, const std::string& relative) {
  return std::any_of(tree.files.begin(), tree.files.end(),
                     [&](const TreeFile& f) { return f.relative == relative; });
}

/// A name that says "not finished" inside of a checkpoint. A leading dot does not: torch's
/// distributed checkpoints keep `.metadata`, zarr keeps `.zarray`.
bool is_unfinished_inside(std::string_view name) {
  name.remove_prefix(std::min(name.find_first_not_of('.'), name.size()));
  return !name.empty() && is_temporary_name(name);
}

/// torch.distributed.checkpoint writes `.metadata` last, beside its *.distcp files.
Result<void> check_distributed(const Tree& tree, const std::set<std::string>& paths) {
  for (const auto& file : tree.files) {
    const auto metadata = parent_path(file.relative) + "/.metadata";
    if (file.relative.ends_with(".distcp") && !paths.contains(metadata)) {
      return incomplete(file_of(tree, metadata), "it is not there yet");
    }
  }
  return {};
}

/// model.safetensors.index.json and pytorch_model.bin.index.json name the shards.
Result<void> check_shards(const Tree& tree, const TreeFile& index,
                          const std::set<std::string>& paths) {
  constexpr std::size_t k_max_index = 64U << 20U;
  const auto path = file_of(tree, index.relative);
  const auto text = read_file(path, k_max_index);
  const auto j = text ? json::parse(*text, path) : Result<json::Json>(text.error());
  if (!j || !j->is_object()) {
    return incomplete(path, "it is not JSON");
  }
  const auto map = j->find("weight_map");
  if (map == j->end() || !map->is_object()) {
    return {};
  }
  for (const auto& [tensor, shard] : map->items()) {
    const auto name = shard.is_string() ? shard.get<std::string>() : std::string();
    if (!paths.contains(parent_path(index.relative) + "/" + name)) {
      return incomplete(path, fmt::format("it names {}, which is not there", printable(name)));
    }
  }
  return {};
}

Result<void> check_hugging_face(const Tree& tree) {
  const auto root = file_of(tree, tree.name);
  if (has(tree, tree.name + "/checkpoint-is-incomplete.txt")) {
    return incomplete(root, "checkpoint-is-incomplete.txt is there");
  }
  const auto state = root + "/trainer_state.json";
  const auto text = read_file(state, 256U << 20U);
  if (!text) {
    return incomplete(root, "it has no trainer_state.json");
  }
  return trim(*text).ends_with('}') ? Result<void>{} : incomplete(state, "it is cut off");
}

/// The tracker beside it is written when the directory is whole.
Result<void> check_megatron(const Tree& tree) {
  const auto tracker = tree.parent + "/latest_checkpointed_iteration.txt";
  const auto text = read_file(tracker, 256);
  const auto latest = text ? parse_int(trim(*text)) : std::nullopt;
  // from_chars reads leading zeros; the name is "iter_" and digits, or it were no Megatron one.
  const auto own = parse_int(std::string_view(tree.name).substr(5));
  if (!latest || !own || *latest < *own) {
    return incomplete(file_of(tree, tree.name), fmt::format("{} does not name it yet", tracker));
  }
  return {};
}

Result<void> check_kind(const Tree& tree) {
  const auto kind = classify({file_of(tree, tree.name), true});
  if (kind == Kind::hf_dir) {
    return check_hugging_face(tree);
  }
  return kind == Kind::megatron_dir ? check_megatron(tree) : Result<void>{};
}

Result<void> check_dir(const Tree& tree) {
  const auto root = file_of(tree, tree.name);
  if (tree.truncated) {
    return incomplete(root, "it has more files than a checkpoint can have, or is nested too deep");
  }
  if (tree.bytes() == 0) {
    return incomplete(root, "it holds no data");
  }
  std::set<std::string> paths;
  for (const auto& file : tree.files) {
    if (is_unfinished_inside(base_name(file.relative))) {
      return incomplete(file_of(tree, file.relative), "its name says that it is being written");
    }
    paths.insert(file.relative);
  }
  for (const auto& dir : tree.dirs) {
    if (dir != tree.name && is_unfinished_inside(base_name(dir))) {
      return incomplete(file_of(tree, dir), "its name says that it is being written");
    }
  }
  GPUJOB_TRY(check_kind(tree));
  GPUJOB_TRY(check_distributed(tree, paths));
  for (const auto& file : tree.files) {
    if (file.relative.ends_with(".index.json")) {
      GPUJOB_TRY(check_shards(tree, file, paths));
    }
    GPUJOB_TRY(check_file(tree, file));
  }
  return {};
}

} // namespace

Result<void> check_complete(const std::string& path) {
  const auto tree = list_tree(path, k_max_files);
  if (!tree) {
    return tree.error();
  }
  if (is_temporary_name(tree->name)) {
    return incomplete(path, "its name says that it is being written");
  }
  if (!tree->others.empty()) {
    return incomplete(file_of(*tree, tree->others.front()),
                      "it is neither a file nor a directory nor a link to a file");
  }
  return tree->is_dir ? check_dir(*tree) : check_file(*tree, tree->files.front());
}

} // namespace gpujob::layout
