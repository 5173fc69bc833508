// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

/// Small checkpoints as the frameworks write them, and files in one line.
namespace gpujob::test {

inline void put(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string get(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string little_endian(std::uint64_t value, int width) {
  std::string out;
  for (int i = 0; i < width; ++i) {
    out += static_cast<char>(value >> (8 * i) & 255U);
  }
  return out;
}

/// Stored, not compressed, as torch.save and numpy.savez write them; `zip64` as torch does it for
/// large ones.
inline std::string make_zip(const std::vector<std::pair<std::string, std::string>>& members,
                            const std::string& comment = "", bool zip64 = false) {
  std::string data, directory;
  for (const auto& [name, bytes] : members) {
    const auto sizes = std::string(4, '\0') + little_endian(bytes.size(), 4) +
                       little_endian(bytes.size(), 4) + little_endian(name.size(), 2) +
                       little_endian(0, 2);
    directory += "PK\1\2" + std::string(12, '\0') + sizes + std::string(10, '\0') +
                 little_endian(data.size(), 4) + name;
    data += "PK\3\4" + std::string(10, '\0') + sizes + name + bytes;
  }
  const auto count = members.size();
  const auto at = data.size();
  auto out = data + directory;
  if (zip64) {
    const auto record_at = out.size();
    out += "PK\6\6" + little_endian(44, 8) + std::string(12, '\0') + little_endian(count, 8) +
           little_endian(count, 8) + little_endian(directory.size(), 8) + little_endian(at, 8);
    out += "PK\6\7" + little_endian(0, 4) + little_endian(record_at, 8) + little_endian(1, 4);
  }
  return out + "PK\5\6" + little_endian(0, 4) + little_endian(zip64 ? 0xffff : count, 2) +
         little_endian(zip64 ? 0xffff : count, 2) +
         little_endian(zip64 ? 0xffffffff : directory.size(), 4) +
         little_endian(zip64 ? 0xffffffff : at, 4) + little_endian(comment.size(), 2) + comment;
}

inline std::string torch_file(const std::string& tensor = "0123456789abcdef") {
  return make_zip({{"archive/data.pkl", "\x80\x02."}, {"archive/data/0", tensor}});
}

inline std::string safetensors_file(const std::string& tensor = "0123456789abcdef") {
  const auto header = R"({"__metadata__":{"format":"pt"},"w":{"dtype":"U8","shape":[)" +
                      std::to_string(tensor.size()) + R"(],"data_offsets":[0,)" +
                      std::to_string(tensor.size()) + "]}}";
  return little_endian(header.size(), 8) + header + tensor;
}

/// Superblock version 0 with the end of file that it records.
inline std::string hdf5_file(std::size_t size = 2048) {
  std::string out = std::string("\x89HDF\r\n\x1a\n", 8) + std::string(5, '\0') + "\x08\x08" +
                    std::string(9, '\0') + little_endian(0, 8) + little_endian(~0ULL, 8) +
                    little_endian(size, 8) + little_endian(~0ULL, 8);
  out.resize(size, 'x');
  return out;
}

/// A Hugging Face Trainer checkpoint.
inline void put_hf(const std::string& path, const std::string& tensor = "0123456789abcdef") {
  put(path + "/model.safetensors", safetensors_file(tensor));
  put(path + "/optimizer.pt", torch_file(tensor));
  put(path + "/trainer_state.json", "{\"global_step\": 5}\n");
}

} // namespace gpujob::test
