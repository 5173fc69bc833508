// SPDX-License-Identifier: Apache-2.0
#include "client/options/verbs.h"

namespace gpujob::client {

namespace {

void declare_checkpoints(CLI::App& run, RunOptions& o) {
  constexpr const char* k_group = "Checkpoints";
  const auto many = [&](CLI::Option* option) { option->allow_extra_args(false)->group(k_group); };
  run.add_option("--lead", o.lead,
                 "Ask for the last checkpoint this long before the end (learned; "
                 "2m while nothing is known)")
      ->type_name("D")
      ->group(k_group);
  run.add_option("--checkpoint-signal", o.checkpoint_signal,
                 "auto, USR1, USR2, TERM, INT, URG or none")
      ->type_name("SIGNAL")
      ->group(k_group);
  run.add_option("--checkpoint-target", o.checkpoint_target, "auto, leader, group or tree")
      ->type_name("WHOM")
      ->group(k_group);
  many(run.add_option("--checkpoint-path", o.checkpoint_path,
                      "Checkpoints appear here, beside $GPUJOB_CKPT_DIR; may be repeated")
           ->type_name("GLOB"));
  many(run.add_option("--checkpoint-exit", o.checkpoint_exit,
                      "This exit code, too, says that it saved (85 does); may be repeated")
           ->type_name("N"));
  run.add_option("--checkpoint-cmd", o.checkpoint_cmd,
                 "Saves for a job that catches nothing: run by a shell when a checkpoint is wanted")
      ->type_name("CMD")
      ->group(k_group);
  many(run.add_option("--checkpoint-copy", o.checkpoint_copy,
                      "What the job rewrites from time to time: copied when a checkpoint is wanted "
                      "and it is quiet; may be repeated")
           ->type_name("PATH"));
  run.add_option("--recipe", o.recipe,
                 "auto, torchrun, lightning, hf-trainer, megatron, keras or plain")
      ->type_name("NAME")
      ->group(k_group);
  run.add_option("--resume-arg", o.resume_arg,
                 "Appended when there is something to resume, {} being its path")
      ->type_name("TEXT")
      ->group(k_group);
}

void declare_gpus(CLI::App& run, RunOptions& o) {
  constexpr const char* k_group = "GPUs";
  const auto add = [&](const char* flag, std::string& into, const char* type, const char* what) {
    return run.add_option(flag, into, what)->type_name(type)->group(k_group);
  };
  auto* gpus = add("--gpus", o.gpus, "WHICH",
                   "GPUs of its own: how many, all, none, or which (0,2 or device=0 by index, "
                   "0:1 for MIG, UUIDs); it waits until they are free");
  add("--gpu-memory", o.gpu_memory, "SIZE",
      "So much free memory of each is enough; others that say so, too, may share it")
      ->needs(gpus);
  add("--idle-gpu", o.idle_gpu, "D", "Warn when its GPUs are idle so long (30m), or off");
  add("--idle-gpu-stop", o.idle_gpu_stop, "D", "Save and stop it when its GPUs are idle so long");
}

void declare_ends(CLI::App& run, RunOptions& o) {
  constexpr const char* k_group = "How an exit is read";
  const auto many = [&](CLI::Option* option) { option->allow_extra_args(false)->group(k_group); };
  many(run.add_option("--requeue-exit", o.requeue_exit,
                      "After this exit code it is resumed, if it saved; may be repeated")
           ->type_name("N"));
  many(run.add_option("--no-requeue-exit", o.no_requeue_exit,
                      "After this exit code it has failed for good; may be repeated")
           ->type_name("N"));
  run.add_option(
         "--done-when", o.done_when,
         "Exit code 0 after the last save was asked for means done only when this file is there")
      ->type_name("FILE")
      ->group(k_group);
  run.add_option("--max-interruptions", o.max_interruptions, "-1: without limit (default)")
      ->type_name("N")
      ->group(k_group);
  run.add_option("--max-failures", o.max_failures, "Try again after this many failures (0)")
      ->type_name("N")
      ->group(k_group);
  run.add_option("--keep", o.keep, "Keep this many checkpoints in the durable directory (3)")
      ->type_name("N")
      ->group(k_group);
  run.add_option("--max-no-progress", o.max_no_progress,
                 "Attempts in a row without a newer checkpoint (3)")
      ->type_name("N")
      ->group(k_group);
}

} // namespace

void declare_run(Verbs& verbs) {
  auto& o = verbs.options<RunOptions>();
  auto& run =
      *verbs.app().add_subcommand("run", "Start a command, or continue it where it stopped");
  run.callback([&verbs, &o] { verbs.choose(o); });
  run.add_option("--name", o.name, "Its name over every session; the same name continues it");
  run.add_flag("-d,--detach", o.detach, "Do not stay to show the output");
  run.add_flag("--again", o.again, "Start a job that is done from the beginning");
  run.add_flag("--take-over", o.take_over, "Although another VM seems to run it");
  run.add_option("--env", o.env, "Set a variable for it; remembered. May be repeated")
      ->type_name("K=V")
      ->allow_extra_args(false);
  run.add_option("--log-max", o.log_max, "Keep this much of its output, the newest (1 GiB)")
      ->type_name("SIZE");
  run.add_flag("--keep-tree", o.keep_tree, "Leave its other processes alone when the first ends");
  run.add_flag("--wandb", o.wandb, "One Weights & Biases run over all sessions");
  declare_gpus(run, o);
  declare_checkpoints(run, o);
  declare_ends(run, o);
  run.add_flag("--json", o.json, "One JSON document on stdout instead of the output");
  // Only for the help text: parse_options() takes the command off before CLI11 sees it.
  run.add_option("COMMAND", o.command, "The command and its arguments")->type_name("ARG");
  run.footer(
      "Returns the exit code of the command; 85 when it was saved at a limit and will resume.\n"
      "Ctrl-C leaves it running.\n\n"
      "Example: gpujob run --name digits -- python3 train.py --epochs 20");
}

std::size_t command_begins(const CLI::App& run, const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    if (word == "--") {
      return i + 1;
    }
    if (word.size() < 2 || word.front() != '-') {
      return i;
    }
    const auto* option = run.get_option_no_throw(word);
    if (option != nullptr && option->get_items_expected_min() > 0) {
      ++i;
    }
  }
  return arguments.size();
}

} // namespace gpujob::client
