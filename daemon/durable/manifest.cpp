// SPDX-License-Identifier: Apache-2.0
#include "daemon/durable/manifest.h"

#include "common/file.h"
#include "common/json.h"
#include "common/text.h"
#include "daemon/durable/place.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace gpujob::durable {

namespace {

/// With files that lie in another checkpoint it is k_sharing: who does not know of them would look
/// for all in one place.
constexpr std::int64_t k_manifest_version = 1, k_sharing = 2;
/// A million files at 200 bytes and some.
constexpr std::size_t k_max_manifest_bytes = 256U << 20U;

bool is_plain_component(std::string_view c) {
  return !c.empty() && c != "." && c != ".." && c.find('\0') == std::string_view::npos &&
         c.find('/') == std::string_view::npos;
}

/// `name` or below it, without a way up.
bool is_inside(std::string_view path, std::string_view name) {
  if (path.empty() || path.back() == '/') {
    return false;
  }
  const auto parts = split(path, '/');
  return parts.front() == name && std::all_of(parts.begin(), parts.end(), is_plain_component);
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// "attempts/<attempt>-<session>/checkpoints/<seq>/data/<path>".
bool is_shared_path(std::string_view path, const std::string& job) {
  const auto parts = split(path, '/');
  return parts.size() >= 6 && parts[0] == "attempts" && parse_attempt_name(job, parts[1]) &&
         parts[2] == name::k_checkpoints && parse_seq(parts[3]) && parts[4] == name::k_data &&
         std::all_of(parts.begin() + 5, parts.end(), is_plain_component);
}

ManifestFile read_file_entry(json::Reader& outer, const nlohmann::json& j, const Manifest& m) {
  json::Reader r(j, "manifest file");
  ManifestFile f;
  f.path = r.bytes("path");
  const auto size = r.integer("size");
  f.sha256 = r.text("sha256");
  const auto mode = r.integer("mode");
  f.at = r.find("at") == nullptr ? std::string() : r.bytes("at");
  if (!r.ok()) {
    outer.fail("files", r.error().text.c_str());
  } else if (!is_inside(f.path, m.name) || (!f.at.empty() && !is_shared_path(f.at, m.job))) {
    outer.fail("files", "a path leads out of the checkpoint");
  } else if (size < 0 || mode < 0 || mode > 0777 || !is_sha256(f.sha256)) {
    outer.fail("files", "a size, mode or hash is out of range");
  }
  f.size = static_cast<std::uint64_t>(size);
  f.mode = static_cast<unsigned>(mode);
  return f;
}

void read_files(json::Reader& r, Manifest& m) {
  const auto* list = r.find("files");
  if (list == nullptr || !list->is_array() || list->empty()) {
    r.fail("files", "is not a list of files");
    return;
  }
  for (const auto& j : *list) {
    m.files.push_back(read_file_entry(r, j, m));
    if (!r.ok()) {
      return;
    }
  }
  const auto not_after = [](const ManifestFile& a, const ManifestFile& b) {
    return a.path >= b.path;
  };
  if (std::adjacent_find(m.files.begin(), m.files.end(), not_after) != m.files.end()) {
    r.fail("files", "is not sorted, or names a file twice");
  }
  if (!m.is_dir && (m.files.size() != 1 || m.files[0].path != m.name || !m.dirs.empty())) {
    r.fail("files", "is more than the one file");
  }
}

void read_origin(json::Reader& r, Manifest& m) {
  m.job = r.text("job");
  m.attempt = static_cast<int>(r.integer_in("attempt", 1, k_max_number));
  m.session = r.text("session");
  m.seq = r.integer_in("seq", 1, k_max_number);
  m.source = r.bytes("source");
  m.how = r.text("how");
  m.step = r.maybe_integer("step");
  m.at_ns = to_ns(r.wall_time("at_ns"));
  if (r.ok() && (!is_id(m.job) || !is_id(m.session))) {
    r.fail("job", "job and session do not name a checkpoint");
  }
}

nlohmann::json to_json(const ManifestFile& f) {
  nlohmann::json j{
      {"path", json::from_bytes(f.path)}, {"size", f.size}, {"sha256", f.sha256}, {"mode", f.mode}};
  if (!f.at.empty()) {
    j["at"] = json::from_bytes(f.at);
  }
  return j;
}

nlohmann::json to_json(const Took& t) {
  const auto seconds = [](const std::optional<double>& s) {
    return s ? nlohmann::json(*s) : nlohmann::json();
  };
  return {{"save_s", seconds(t.save_s)},
          {"verify_s", seconds(t.verify_s)},
          {"copy_s", seconds(t.copy_s)},
          {"storage", t.storage}};
}

void read_took(json::Reader& outer, Took& took) {
  const auto* j = outer.find("took");
  if (j == nullptr) {
    return;
  }
  json::Reader r(*j, "took");
  const auto seconds = [&](const char* key) {
    const auto s = r.maybe_number(key);
    if (s && !(*s >= 0 && *s <= k_longest_save_s)) {
      r.fail(key, "is no time that a save takes");
    }
    return s;
  };
  took = {seconds("save_s"), seconds("verify_s"), seconds("copy_s"), r.text_or("storage", "")};
  if (took.storage.size() > k_longest_storage) {
    took.storage.clear();
  }
  if (!r.ok()) {
    outer.fail("took", r.error().text.c_str());
  }
}

} // namespace

std::optional<double> Took::secure_s() const {
  return verify_s && copy_s ? std::optional(*verify_s + *copy_s) : std::nullopt;
}

std::uint64_t Manifest::bytes() const {
  std::uint64_t sum = 0;
  for (const auto& file : files) {
    sum += file.size;
  }
  return sum;
}

std::string encode(const Manifest& m) {
  auto files = nlohmann::json::array();
  bool shares = false;
  for (const auto& f : m.files) {
    files.push_back(to_json(f));
    shares = shares || !f.at.empty();
  }
  nlohmann::json j{{"v", shares ? k_sharing : k_manifest_version},
                   {"job", m.job},
                   {"attempt", m.attempt},
                   {"session", m.session},
                   {"seq", m.seq},
                   {"source", json::from_bytes(m.source)},
                   {"how", m.how},
                   {"at_ns", m.at_ns},
                   {"name", json::from_bytes(m.name)},
                   {"is_dir", m.is_dir},
                   {"dirs", json::from_bytes_list(m.dirs)},
                   {"files", std::move(files)}};
  if (m.step) {
    j["step"] = *m.step;
  }
  if (m.took != Took{}) {
    j["took"] = to_json(m.took);
  }
  if (!m.past.empty()) {
    j["past"] = m.past;
  }
  return json::dump(j) + "\n";
}

Result<Manifest> decode_manifest(std::string_view text) {
  auto j = json::parse(text, "manifest");
  if (!j) {
    return j.error();
  }
  json::Reader r(*j, "manifest");
  if (const auto v = r.integer("v"); v != k_manifest_version && v != k_sharing) {
    r.fail("v", "is not a version this program reads");
  }
  Manifest m;
  read_origin(r, m);
  m.name = r.bytes("name");
  m.is_dir = r.boolean_or("is_dir", false);
  m.dirs = r.bytes_list("dirs");
  if (r.ok() && !is_plain_component(m.name)) {
    r.fail("name", "is not a file name");
  }
  for (const auto& dir : m.dirs) {
    if (!is_inside(dir, m.name)) {
      r.fail("dirs", "a path leads out of the checkpoint");
    }
  }
  if (r.ok()) {
    read_files(r, m);
  }
  read_took(r, m.took);
  m.past = r.text_or("past", "");
  if (!r.ok()) {
    return r.error();
  }
  return m;
}

Result<Manifest> read_manifest(const std::string& path) {
  auto text = read_file(path, k_max_manifest_bytes);
  if (!text) {
    return text.error();
  }
  auto m = decode_manifest(*text);
  if (!m) {
    return Error{m.error().code, path + ": " + m.error().text};
  }
  return m;
}

bool same_content(const Manifest& a, const Manifest& b) {
  return a.name == b.name && a.is_dir == b.is_dir && a.dirs == b.dirs &&
         std::equal(a.files.begin(), a.files.end(), b.files.begin(), b.files.end(),
                    [](const ManifestFile& x, const ManifestFile& y) {
                      return x.path == y.path && x.size == y.size && x.sha256 == y.sha256;
                    });
}

} // namespace gpujob::durable
