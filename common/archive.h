// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

/// Whether a file of a known format is whole, told from its own structure: its index at the end, or
/// its lengths. Reads headers and indices, never the data; takes any bytes.
namespace gpujob::archive {

/// "" when whole, else why not ("the zip's end is missing").
using Verdict = std::string;

/// `fd` is a regular file open for reading.
Verdict check_zip(int fd);
Verdict check_safetensors(int fd);
/// Also the length that the superblock records.
Verdict check_hdf5(int fd);
/// torch.save: a zip, or before 1.6 a pickle, which has no index: not empty is all that can be
/// said. Some programs put HDF5 under these names.
Verdict check_torch(int fd);

/// Begins with a zip's first bytes.
bool looks_like_zip(int fd);

} // namespace gpujob::archive
