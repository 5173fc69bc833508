// SPDX-License-Identifier: Apache-2.0
#include "daemon/policy/gpu_choice.h"

#include "common/gpu_request.h"
#include "common/text.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>

namespace gpujob::policy {

namespace {

const Gpu* find_gpu(const Gpus& gpus, std::string_view uuid) {
  const auto it = std::find_if(gpus.list.begin(), gpus.list.end(),
                               [&](const Gpu& g) { return g.uuid == uuid; });
  return it == gpus.list.end() || uuid.empty() ? nullptr : &*it;
}

bool is_split(const Gpus& gpus, const Gpu& gpu) {
  return std::any_of(gpus.list.begin(), gpus.list.end(),
                     [&](const Gpu& g) { return !gpu.uuid.empty() && g.parent == gpu.uuid; });
}

/// Without a UUID there is nothing to name it by to a program.
bool is_assignable(const Gpu& gpu) {
  return gpu.usable && !gpu.uuid.empty();
}

/// "0" and "0:1".
std::string index_text(const Gpus& gpus, const Gpu& gpu) {
  const auto* parent = find_gpu(gpus, gpu.parent);
  return parent == nullptr ? fmt::format("{}", gpu.index)
                           : fmt::format("{}:{}", parent->index, gpu.index);
}

std::vector<const Gpu*> named_by(const Gpus& gpus, const std::string& name) {
  std::vector<const Gpu*> found;
  for (const auto& gpu : gpus.list) {
    if (gpu.uuid == name) {
      return {&gpu};
    }
    const bool by_index = gpu.vendor == first_vendor(gpus) && index_text(gpus, gpu) == name;
    if (by_index || gpu.uuid.starts_with(name)) {
      found.push_back(&gpu);
    }
  }
  return found;
}

std::string counted(std::size_t n) {
  return n == 1 ? "1 GPU" : fmt::format("{} GPUs", n);
}

std::string what_is_there(const Gpus& gpus) {
  std::string text;
  for (const auto& gpu : gpus.list) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", gpu_label(gpus, gpu));
    if (text.size() > 80) {
      return text + " ...";
    }
  }
  return text;
}

std::string why_not(const Gpus& gpus, const Gpu& gpu) {
  if (is_split(gpus, gpu)) {
    return fmt::format("{} is split by MIG: name one of its devices, as {}:0", gpu_label(gpus, gpu),
                       gpu.index);
  }
  return fmt::format("{} cannot be used: it does not answer, or tells no UUID (gpujob gpu says "
                     "more)",
                     gpu_label(gpus, gpu));
}

void choose_named(const Gpus& gpus, const std::vector<std::string>& names, GpuChoice& choice) {
  choice.need = names.size();
  for (const auto& name : names) {
    const auto found = named_by(gpus, name);
    if (found.empty()) {
      choice.never = fmt::format("asks for GPU {}, and this machine has {} (gpujob gpu lists them)",
                                 printable(name), what_is_there(gpus));
    } else if (found.size() > 1) {
      choice.never = fmt::format("asks for GPU {}, which {} of this machine begin with: write more "
                                 "of the UUID",
                                 printable(name), counted(found.size()));
    } else if (!is_assignable(*found.front())) {
      choice.never = why_not(gpus, *found.front());
    } else if (std::find(choice.of.begin(), choice.of.end(), found.front()) != choice.of.end()) {
      choice.never =
          fmt::format("asks for {} twice: name each GPU once", gpu_label(gpus, *found.front()));
    }
    if (!choice.never.empty()) {
      return;
    }
    choice.of.push_back(found.front());
  }
}

/// Why fewer can be used than are there, or nothing.
std::string unusable_text(const Gpus& gpus) {
  for (const auto& gpu : gpus.list) {
    if (!is_assignable(gpu) && !is_split(gpus, gpu) && gpu.vendor == first_vendor(gpus)) {
      return ": " + why_not(gpus, gpu);
    }
  }
  return {};
}

void leave_out_small(std::int64_t memory, GpuChoice& choice) {
  const auto before = choice.of.size();
  std::erase_if(choice.of,
                [&](const Gpu* g) { return g->memory_total && *g->memory_total < memory; });
  if (choice.of.size() < choice.need && choice.of.size() < before && choice.never.empty()) {
    const auto size = format_bytes(static_cast<unsigned long long>(memory));
    choice.never = choice.of.empty()
                       ? fmt::format("needs {} of memory on a GPU, and {} has less", size,
                                     before == 1 ? "it" : "each of them")
                       : fmt::format("needs {} with {} of memory, this machine has {}",
                                     counted(choice.need), size, choice.of.size());
  }
}

} // namespace

std::string_view first_vendor(const Gpus& gpus) {
  const bool nvidia = std::any_of(gpus.list.begin(), gpus.list.end(),
                                  [](const Gpu& g) { return g.vendor == "nvidia"; });
  if (nvidia) {
    return "nvidia";
  }
  return gpus.list.empty() ? std::string_view{} : std::string_view(gpus.list.front().vendor);
}

bool is_blind(const Gpus& gpus) {
  return !gpus.list.empty() && !gpus.why.empty();
}

std::string gpu_label(const Gpus& gpus, const Gpu& gpu) {
  return fmt::format("{}GPU {}",
                     gpu.vendor == first_vendor(gpus) ? "" : printable(gpu.vendor) + " ",
                     index_text(gpus, gpu));
}

std::string gpu_label(const Gpus& gpus, std::string_view uuid) {
  const auto* gpu = find_gpu(gpus, uuid);
  return gpu == nullptr ? "GPU " + printable(uuid) : gpu_label(gpus, *gpu);
}

std::vector<const Gpu*> usable_gpus(const Gpus& gpus) {
  std::vector<const Gpu*> out;
  const auto vendor = first_vendor(gpus);
  for (const auto& gpu : gpus.list) {
    if (is_assignable(gpu) && gpu.vendor == vendor) {
      out.push_back(&gpu);
    }
  }
  return out;
}

GpuChoice choose_gpus(const Gpus& gpus, const JobSpec& spec) {
  GpuChoice choice;
  const auto request = parse_gpu_request(spec.gpus, "--gpus");
  if (!request) {
    choice.never = request.error().text;
    return choice;
  }
  if (gpus.list.empty()) {
    choice.never = gpus.why.empty() ? "no GPU" : "no GPU: " + printable(gpus.why);
    return choice;
  }
  if (request->kind == GpuRequest::Kind::named) {
    choose_named(gpus, request->names, choice);
  } else {
    choice.of = usable_gpus(gpus);
    choice.need = request->kind == GpuRequest::Kind::all
                      ? std::max<std::size_t>(choice.of.size(), 1)
                      : static_cast<std::size_t>(request->count);
    if (choice.of.size() < choice.need) {
      choice.never =
          fmt::format("needs {}, this machine has {}{}{}", counted(choice.need), choice.of.size(),
                      choice.of.empty() ? " that can be used" : "", unusable_text(gpus));
    }
  }
  if (spec.gpu_memory) {
    leave_out_small(*spec.gpu_memory, choice);
  }
  return choice;
}

} // namespace gpujob::policy
