// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/policy/fixture.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gpujob::test {

inline constexpr std::int64_t k_gb = 1'000'000'000;

inline Gpu gpu(std::int64_t index) {
  Gpu g;
  g.uuid = "GPU-" + std::string(8, static_cast<char>('a' + index)) + "-1111";
  g.name = "Tesla T4";
  g.index = index;
  g.memory_total = 16 * k_gb;
  g.memory_free = 16 * k_gb;
  g.use_percent = 0;
  return g;
}

inline Gpu mig(const Gpu& of, std::int64_t index) {
  auto g = gpu(10 + index);
  g.uuid = "MIG-" + std::string(8, static_cast<char>('a' + index)) + "-2222";
  g.parent = of.uuid;
  g.index = index;
  g.use_percent.reset();
  return g;
}

inline Gpus looked(std::vector<Gpu> list, std::string why = "") {
  return {std::move(list), std::move(why), true};
}

/// A bench on a machine with so many GPUs, all of them free and standing still.
struct GpuBench : Bench {
  explicit GpuBench(int n = 2) {
    std::vector<Gpu> list;
    for (int i = 0; i < n; ++i) {
      list.push_back(gpu(i));
    }
    see(std::move(list), n == 0 ? "no NVIDIA library, no AMD GPU" : "");
  }
  void see(std::vector<Gpu> list, std::string why = "") {
    step(GpusSeen{looked(std::move(list), std::move(why))});
  }
  /// What the next look finds different.
  template <typename Change>
  void change(Change how) {
    auto list = w.gpus.list;
    how(list);
    see(std::move(list));
  }

  [[nodiscard]] static JobSpec asks(std::string gpus, std::string name = "j") {
    auto s = spec(std::move(name));
    s.gpus = std::move(gpus);
    return s;
  }
  void submit(const JobId& id, const std::string& gpus) { step(Submitted{id, asks(gpus, id)}); }
  void begin(const JobId& id, const std::string& gpus) {
    submit(id, gpus);
    started(id);
  }
  void end(const JobId& id) { gone(exit_record(0, {}, id), true, id); }

  std::vector<std::string> held_by(const JobId& id) {
    std::vector<std::string> out;
    for (const auto& g : is_at_work(job(id)) ? job(id).gpus : std::vector<AssignedGpu>{}) {
      out.push_back(g.uuid);
    }
    return out;
  }
  std::string why(const JobId& id) { return reason_now(w, job(id), now); }
};

} // namespace gpujob::test
