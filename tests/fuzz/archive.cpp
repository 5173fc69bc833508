// SPDX-License-Identifier: Apache-2.0
// Files that frameworks wrote, or something that only bears their names: zip, safetensors, HDF5,
// torch; and the same within a checkpoint's directory.
#include "common/archive.h"
#include "common/layout.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/sandbox.h"

#include <sys/mman.h>

using namespace gpujob;
using fuzz::expect;

namespace {

void check_open_file(int fd) {
  for (const auto check : {archive::check_zip, archive::check_safetensors, archive::check_hdf5,
                           archive::check_torch}) {
    expect(check(fd) == check(fd), "a file has one verdict");
  }
  if (archive::looks_like_zip(fd)) {
    expect(archive::check_torch(fd) == archive::check_zip(fd), "what looks like a zip is one");
  }
}

/// Whole or not: with a reason.
void check_complete(const std::string& path) {
  fuzz::expect_said(layout::check_complete(path));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Sandbox sandbox;
  static const int fd = ::memfd_create("archive", MFD_CLOEXEC);
  const auto bytes = fuzz::expand(data, size);
  fuzz::overwrite(fd, bytes);
  check_open_file(fd);
  // Sharded models, Hugging Face's and Megatron's checkpoints have words beside the tensors.
  sandbox.put("sharded/model.safetensors.index.json", bytes);
  sandbox.put("sharded/model-1.safetensors", bytes);
  check_complete(sandbox / "sharded");
  sandbox.put("checkpoint-1/trainer_state.json", bytes);
  check_complete(sandbox / "checkpoint-1");
  sandbox.put("iter_0000001/model.bin", bytes);
  sandbox.put("latest_checkpointed_iteration.txt", bytes);
  check_complete(sandbox / "iter_0000001");
  return 0;
}
