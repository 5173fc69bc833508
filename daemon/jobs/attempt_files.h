// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/exit_record.h"
#include "common/fd.h"
#include "common/journal.h"
#include "common/result.h"

#include <optional>
#include <string>
#include <vector>

/// What an attempt's directory tells about its shim.
namespace gpujob::jobs {

/// Whether a shim (or a launch that is under way) holds the attempt's lock. Where that cannot be
/// told, out of descriptors say, it lives: nobody is declared dead unseen.
bool shim_alive(const std::string& attempt_dir);

/// Whether the attempt has left that file, readable or not.
bool left_behind(const std::string& attempt_dir, const char* file);

/// nullopt when the file is not there or does not read: both mean "not known".
std::optional<StartRecord> read_start(const std::string& attempt_dir);

/// nullopt when there is none, or none that makes sense. An error says nothing about it: it could
/// not be read now.
Result<std::optional<ExitRecord>> read_exit_record(const std::string& attempt_dir);

/// The records after `seq`; a last line without its end is left out. Errors as above.
Result<std::vector<journal::Record>> read_journal(const std::string& attempt_dir,
                                                  std::int64_t after_seq);

} // namespace gpujob::jobs
