// SPDX-License-Identifier: Apache-2.0
#include "client/options/verbs.h"

#include <memory>

namespace gpujob::client {

namespace {

/// The words of `quota set` and `limits set`; they live as long as the callback that has them.
using Words = std::shared_ptr<std::vector<std::string>>;

Words add_words(CLI::App& app, const char* form, const char* what) {
  auto words = std::make_shared<std::vector<std::string>>();
  app.add_option(form, *words, what)->type_name("")->required();
  return words;
}

/// "gpu=12h"
std::pair<std::string, std::string> take_apart(const std::string& word, const char* form) {
  const auto equals = word.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw CLI::ValidationError(word + ": is not " + form);
  }
  return {word.substr(0, equals), word.substr(equals + 1)};
}

void declare_quota_add(Verbs& verbs, CLI::App& quota) {
  auto& o = verbs.options<QuotaSayOptions>();
  auto& add = verbs.add(quota, "add", "Hours that were used elsewhere, or that you were given",
                        "gpujob quota add gpu 3h --at '2h ago'", o);
  auto& added = o.sayings.emplace_back();
  add.add_option("WHAT", added.name, "gpu, tpu ..., or a kind of grant")->type_name("")->required();
  add.add_option("AMOUNT", added.amount, "How long: 3h, 2.5")->type_name("");
  add.add_option("--at", o.at, "When it ended, or was given: 2h ago, an instant")->type_name("T");
}

void declare_quota_set(Verbs& verbs, CLI::App& quota) {
  constexpr const char* k_form = "WHAT=AMOUNT";
  auto& o = verbs.options<QuotaSayOptions>();
  o.set = true;
  auto& set =
      verbs.add(quota, "set", "What the platform shows as left", "gpujob quota set gpu=12h30m", o);
  const auto words = add_words(set, k_form, "gpu=12h, ccu=87.5, USD=20");
  set.add_option("--at", o.at, "When it was so")->type_name("T");
  set.callback([&verbs, &o, words] {
    for (const auto& word : *words) {
      auto [name, amount] = take_apart(word, k_form);
      o.sayings.push_back({std::move(name), std::move(amount)});
    }
    verbs.choose(o);
  });
}

void declare_quota_import(Verbs& verbs, CLI::App& quota) {
  auto& o = verbs.options<QuotaImportOptions>();
  auto& import = verbs.add(quota, "import", "What the platform's own tool says is left",
                           "gpujob quota import --kaggle", o);
  import.add_flag("--kaggle", o.kaggle, "kaggle quota")->required();
  import.add_option("FILE", o.file, "What it printed as CSV; - is stdin; else it is asked")
      ->type_name("");
}

} // namespace

void declare_quota(Verbs& verbs) {
  auto& o = verbs.options<QuotaOptions>();
  auto& quota = verbs.add(verbs.app(), "quota", "What is left of the session, the week, the money",
                          "gpujob quota --explain", o);
  quota.add_flag("--explain", o.explain, "Where each number and setting comes from");
  declare_quota_add(verbs, quota);
  declare_quota_set(verbs, quota);
  declare_quota_import(verbs, quota);
}

void declare_limits(Verbs& verbs) {
  constexpr const char* k_form = "KEY=VALUE";
  constexpr const char* k_example = "gpujob limits set session=9h idle=45m";
  auto& limits = verbs.add(verbs.app(), "limits", "The platform's limits, and who says so",
                           k_example, verbs.options<LimitsOptions>());
  auto& o = verbs.options<LimitsSetOptions>();
  auto& set =
      verbs.add(limits, "set", "What you know better, for this platform from now on", k_example, o);
  const auto words =
      add_words(set, k_form,
                "session, idle, margin, plan, machine, per_hour, gpu, tpu, cpu, machine_hours; "
                "default takes it back");
  set.callback([&verbs, &o, words] {
    for (const auto& word : *words) {
      o.values.push_back(take_apart(word, k_form));
    }
    verbs.choose(o);
  });
}

void declare_notice(Verbs& verbs) {
  auto& o = verbs.options<NoticeOptions>();
  auto& notice =
      verbs.add(verbs.app(), "notice", "Say that the platform ends this session: jobs save and end",
                "gpujob notice --in 30s 'preStop'", o);
  notice.add_option("--in", o.in, "So soon; else what the platform gives")->type_name("D");
  notice.add_option("TEXT", o.text, "Who says so")->type_name("");
  notice.add_flag("--cancel", o.cancel, "It does not, after all");
}

} // namespace gpujob::client
