// SPDX-License-Identifier: Apache-2.0
#include "client/options/verbs.h"

namespace gpujob::client {

/// Now, or what was kept of it: one of three commands.
void declare_gpu(Verbs& verbs) {
  auto& now = verbs.options<GpuOptions>();
  auto& past = verbs.options<GpuHistoryOptions>();
  auto& kept = verbs.options<GpuSnapshotsOptions>();
  auto& gpu = verbs.add(verbs.app(), "gpu", "What the GPUs do, and which job does it",
                        "gpujob gpu --history 3h", now);
  auto* history = gpu.add_option("--history", past.span,
                                 "What they did, so far back (1h): a sample a second of the last "
                                 "hour, before that a minute's average")
                      ->type_name("[D]")
                      ->expected(0, 1);
  gpu.add_flag("--csv", past.csv, "The history as CSV")->needs(history);
  auto* snapshots =
      gpu.add_option("--snapshots", kept.job,
                     "How they were when jobs (or this job) started, saved, were "
                     "warned, came to a limit and ended; --json has all that was seen")
          ->type_name("[JOB]")
          ->expected(0, 1)
          ->excludes(history);
  gpu.callback([&verbs, &now, &past, &kept, history, snapshots] {
    past.json = kept.json = now.json;
    if (history->count() > 0) {
      verbs.choose(past);
    } else if (snapshots->count() > 0) {
      verbs.choose(kept);
    } else {
      verbs.choose(now);
    }
  });
}

void declare_platforms(Verbs& verbs) {
  auto& o = verbs.options<PlatformsOptions>();
  auto& platforms =
      verbs.add(verbs.app(), "platforms", "What each platform gives, and for how long",
                "gpujob platforms kaggle", o);
  platforms.add_option("NAME", o.platform, "Only this one, with its sources")->type_name("");
  platforms.add_flag("--markdown", o.markdown, "A Markdown table with all columns");
}

void declare_doctor(Verbs& verbs) {
  verbs.add(verbs.app(), "doctor",
            "What was found on this machine, what is missing, and the remedy", "gpujob doctor",
            verbs.options<DoctorOptions>());
}

void declare_bench(Verbs& verbs) {
  auto& o = verbs.options<BenchOptions>();
  auto& bench =
      verbs.add(verbs.app(), "bench", "How fast this machine multiplies matrices, beside others",
                "gpujob bench --python ~/venv/bin/python", o);
  auto* cpu = bench.add_flag("--cpu", o.cpu, "By gpujob's own plain kernel; no Python starts");
  bench
      .add_option("--python", o.python,
                  "Whose PyTorch multiplies (python3 on PATH, else the system's)")
      ->type_name("PROGRAM")
      ->excludes(cpu);
  bench.add_option("--timeout", o.timeout, "How long a Python may take for it all (2m)")
      ->type_name("D")
      ->excludes(cpu);
}

} // namespace gpujob::client
