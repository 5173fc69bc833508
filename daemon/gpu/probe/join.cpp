// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/join.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <utility>

namespace gpujob::gpu {

namespace {

constexpr std::int64_t k_mib = 1LL << 20U;

/// Less than that is what contexts take and drop by themselves.
constexpr std::int64_t k_least_growth = 16 * k_mib;

/// The two tell of the same memory, a little before or after, and rounded otherwise.
bool is_close(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t k_part = 50;
  return std::abs(a - b) <= std::max(2 * k_mib, std::max(a, b) / k_part);
}

const OpenProcess* find_open(const GpuUsers& users, const OpenProcess& one) {
  const auto found = std::ranges::find_if(users.open, [&](const auto& o) {
    return o.pid == one.pid && o.start_ticks == one.start_ticks;
  });
  return found == users.open.end() ? nullptr : &*found;
}

const ListedProcess* find_listed(const GpuUsers& users, int pid) {
  const auto found = std::ranges::find(users.listed, pid, &ListedProcess::pid);
  return pid == 0 || found == users.listed.end() ? nullptr : &*found;
}

class Join {
public:
  Join(const GpuUsers& now, const GpuUsers* before) : m_before(before) {
    for (const auto& l : now.listed) {
      m_out.push_back({l.pid, {}, ""});
      m_listed.push_back(&l);
    }
    for (const auto& o : now.open) {
      m_open.push_back(&o);
    }
  }

  void keep(const std::vector<JoinedProcess>& known) {
    for (const auto& k : known) {
      // What only nobody else could be is judged anew: who it is may be listed by now.
      if (k.listed == 0 || k.ours.size() != 1 || k.how == "device") {
        continue;
      }
      for (std::size_t i = 0; i < m_listed.size(); ++i) {
        const auto open = std::ranges::find(m_open, k.ours[0], &OpenProcess::pid);
        if (m_listed[i] != nullptr && m_listed[i]->pid == k.listed && open != m_open.end() &&
            m_before != nullptr && find_open(*m_before, **open) != nullptr) {
          settle(i, *open, k.how);
        }
      }
    }
  }

  void match_by_memory_told() {
    match("fdinfo", [](const ListedProcess& l, const OpenProcess& o) {
      return l.memory && o.memory && is_close(*l.memory, *o.memory);
    });
  }

  void match_by_what_came() {
    if (m_before == nullptr) {
      return;
    }
    match("memory", [&](const ListedProcess& l, const OpenProcess& o) {
      return l.pid != 0 && find_listed(*m_before, l.pid) == nullptr &&
             find_open(*m_before, o) == nullptr;
    });
    match("memory", [&](const ListedProcess& l, const OpenProcess& o) {
      const auto* old_listed = find_listed(*m_before, l.pid);
      const auto* old_open = find_open(*m_before, o);
      if (old_listed == nullptr || old_open == nullptr || !l.memory || !old_listed->memory ||
          !o.memory || !old_open->memory) {
        return false;
      }
      const auto grown = *l.memory - *old_listed->memory;
      return std::abs(grown) >= k_least_growth && is_close(grown, *o.memory - *old_open->memory);
    });
  }

  void match_the_rest() {
    const auto listed = std::ranges::count_if(m_listed, [](const auto* l) { return l != nullptr; });
    if (std::cmp_greater(m_open.size(), listed)) {
      leave_out_heirs(static_cast<std::size_t>(listed));
    }
    for (std::size_t i = 0; i < m_listed.size(); ++i) {
      if (m_listed[i] == nullptr || m_open.empty()) {
        continue;
      }
      m_out[i].how = "device";
      for (const auto* o : m_open) {
        m_out[i].ours.push_back(o->pid);
      }
      // One that is seen, and several listed: it is one of those, and nobody can say which.
      if (m_open.size() == 1 && listed > 1) {
        m_out[i].ours.clear();
        m_out[i].how.clear();
      }
    }
  }

  std::vector<JoinedProcess> take() { return std::move(m_out); }

private:
  using Fits = std::function<bool(const ListedProcess&, const OpenProcess&)>;

  /// Pairs of which neither fits anybody else.
  void match(const char* how, const Fits& fits) {
    std::vector<std::pair<std::size_t, const OpenProcess*>> found;
    for (std::size_t i = 0; i < m_listed.size(); ++i) {
      const OpenProcess* only = nullptr;
      int count = 0;
      for (const auto* o : m_open) {
        if (m_listed[i] != nullptr && fits(*m_listed[i], *o)) {
          only = o;
          ++count;
        }
      }
      const auto suitors = std::ranges::count_if(m_listed, [&](const auto* l) {
        return only != nullptr && l != nullptr && fits(*l, *only);
      });
      if (count == 1 && suitors == 1) {
        found.emplace_back(i, only);
      }
    }
    for (const auto& [i, open] : found) {
      settle(i, open, how);
    }
  }

  void settle(std::size_t i, const OpenProcess* open, const std::string& how) {
    m_out[i].ours = {open->pid};
    m_out[i].how = how;
    m_listed[i] = nullptr;
    std::erase(m_open, open);
  }

  void leave_out_heirs(std::size_t listed) {
    auto parents = m_open;
    std::erase_if(parents, [&](const auto* o) {
      return std::ranges::find(m_open, o->parent, &OpenProcess::pid) != m_open.end();
    });
    if (parents.size() >= listed) {
      m_open = std::move(parents);
    }
  }

  const GpuUsers* m_before;
  std::vector<const ListedProcess*> m_listed; ///< null: settled
  std::vector<const OpenProcess*> m_open;     ///< those that nobody has been joined with
  std::vector<JoinedProcess> m_out;
};

} // namespace

std::vector<JoinedProcess> join_processes(const GpuUsers& now, const GpuUsers* before,
                                          const std::vector<JoinedProcess>& known) {
  Join join(now, before);
  join.keep(known);
  join.match_by_memory_told();
  join.match_by_what_came();
  join.match_the_rest();
  return join.take();
}

} // namespace gpujob::gpu
