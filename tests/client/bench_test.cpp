// SPDX-License-Identifier: Apache-2.0
#include "client/bench/matmul.h"
#include "client/bench/published.h"
#include "client/bench/torch.h"
#include "client/render/bench.h"
#include "common/text.h"
#include "tests/client/text.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::client;

namespace {

/// By the definition, in another order and another type than the kernel's.
std::vector<float> by_definition(const Matrix& a, const Matrix& b) {
  std::vector<float> out;
  for (std::size_t i = 0; i < a.n * a.n; ++i) {
    double sum = 0;
    for (std::size_t k = 0; k < a.n; ++k) {
      sum += static_cast<double>(a.cells[i / a.n * a.n + k]) * b.cells[k * a.n + i % a.n];
    }
    out.push_back(static_cast<float>(sum));
  }
  return out;
}

const std::string k_good = R"({"torch":"2.1.0+cu121",)"
                           R"("cpu":{"best_s":0.012,"median_s":0.0125,"runs":80,"threads":2},)"
                           R"("gpus":[{"name":"Tesla T4","best_s":0.0003,"median_s":0.00031,)"
                           R"("runs":200,"launch_s":8.1e-6},)"
                           R"({"name":"cuda:1","failed":"RuntimeError: no memory\nmore"}]})";

std::string with(const std::string& part, const std::string& other) {
  auto text = k_good;
  REQUIRE(has(text, part));
  return text.replace(text.find(part), part.size(), other);
}

std::string why(const std::string& output) {
  const auto answer = read_torch_answer(output);
  return answer ? "" : answer.error().text;
}

BenchReport report_of(const std::string& output) {
  auto answer = read_torch_answer(output).value();
  return {answer.version, "/opt/venv/bin/python", answer.measured, {}};
}

} // namespace

TEST_CASE("the kernel multiplies as the definition does") {
  for (const std::size_t n : {1U, 2U, 3U, 7U, 16U, 33U, 65U}) {
    const auto a = left_factor(n);
    const auto b = right_factor(n);
    Matrix c(n);
    std::ranges::fill(c.cells, 5.0F); // what was in it does not count
    multiply(a, b, c);
    INFO(n);
    CHECK(c.cells == by_definition(a, b));
    CHECK(is_product(a, b, c));
    CHECK((n == 1 || c.cells != by_definition(b, a)));
  }
}

TEST_CASE("one wrong cell is no product") {
  const auto a = left_factor(9);
  const auto b = right_factor(9);
  Matrix c(9);
  multiply(a, b, c);
  for (auto& cell : c.cells) {
    cell += 1;
    CHECK_FALSE(is_product(a, b, c));
    cell -= 1;
  }
  CHECK(is_product(a, b, c));
}

TEST_CASE("best and median of runs in any order") {
  CHECK(timing_of({3, 1, 2}).best_s == 1);
  CHECK(timing_of({3, 1, 2}).median_s == 2);
  CHECK(timing_of({4, 1, 2, 3}).median_s == 2.5);
  CHECK(timing_of({4}).runs == 1);
}

TEST_CASE("an answer of PyTorch is its last line") {
  const auto answer = read_torch_answer("some library says hello\n{}\n" + k_good + "\n\n").value();
  CHECK(answer.version == "2.1.0+cu121");
  REQUIRE(answer.measured.size() == 2);
  CHECK(answer.measured[0].gpu.empty());
  CHECK(answer.measured[0].threads == 2);
  CHECK(answer.measured[0].timing.runs == 80);
  CHECK(answer.measured[1].gpu == "Tesla T4");
  CHECK(answer.measured[1].timing.best_s == 0.0003);
  CHECK(answer.measured[1].launch_s == 8.1e-6);
  CHECK(answer.failed == std::vector<std::string>{"cuda:1: RuntimeError: no memory"});
}

TEST_CASE("what is no answer has a reason") {
  CHECK(why("") == "it says nothing");
  CHECK(why(" \n\n") == "it says nothing");
  CHECK(why(R"({"no_torch":""})") == "has no PyTorch");
  CHECK(why(R"({"no_torch":"OSError: libcudart\nmore"})") ==
        "its PyTorch does not load (OSError: libcudart)");
  CHECK(why("hello") == "its answer is not understood (it: not JSON)");
  for (const auto& bad :
       {std::string("[]"), std::string("{}"), std::string("null"), with(R"("cpu":)", R"("c":)"),
        with(R"("gpus":)", R"("g":)"), with(R"([{"name")", R"([1,{"name")"), with("0.012,", "0,"),
        with("0.012,", "-1,"), with("0.012,", "1e300,"), with("0.012,", "NaN,"),
        with("0.012,", "\"0.012\","), with(R"("runs":80)", R"("runs":0)"),
        with(R"("runs":80)", R"("runs":1e9)"), with(R"("threads":2)", R"("threads":-2)"),
        with(R"("launch_s":8.1e-6)", R"("launch_s":null)"), with("Tesla T4", "\xff")}) {
    INFO(bad);
    CHECK(has(why(bad), "its answer is not understood ("));
  }
}

TEST_CASE("python3 on PATH is asked before the system's and a name only on PATH") {
  const test::TempDir dir;
  const auto make = [&](const std::string& name) {
    std::ofstream(dir / name) << "#!/bin/sh\n";
    std::filesystem::permissions(dir / name, std::filesystem::perms::owner_all);
    return dir / name;
  };
  const auto own = make("python3");
  const auto other = make("snake");
  const std::vector<std::string> environment{"PATH=bin:" + dir.path() + ":/usr/bin"};
  const auto found = pythons("", environment);
  REQUIRE_FALSE(found.empty());
  CHECK(found.front() == own);
  CHECK(found.size() == 1U + (std::filesystem::exists("/usr/bin/python3") ? 1U : 0U));
  CHECK(pythons("snake", environment) == std::vector<std::string>{other});
  CHECK(pythons("nosuch", environment).empty());
  CHECK(pythons("./snake", environment) == std::vector<std::string>{"./snake"});
  CHECK(pythons("", {"PATH=/usr/bin"}) == pythons("", {}));
}

TEST_CASE("times have three digits and the unit that fits") {
  CHECK(short_time(3.54) == "3.54 s");
  CHECK(short_time(0.139) == "139 ms");
  CHECK(short_time(40.8e-6) == "40.8 us");
  CHECK(short_time(0.9996e-3) == "1 ms");
  CHECK(short_time(0.9996) == "1 s");
  CHECK(short_time(123456.7) == "123457 s");
}

TEST_CASE("what was measured stands beside what was published") {
  const auto text = render_bench(report_of(k_good));
  INFO(text);
  CHECK(widest(text) <= 80);
  CHECK(has(text, "PyTorch 2.1.0+cu121\n"));
  CHECK(has(text, "/opt/venv/bin/python\n"));
  CHECK(has(text, "here        CPU, 2 threads  12 ms    12.5 ms  85.3     PyTorch\n"));
  CHECK(has(text, "here        Tesla T4        300 us   310 us   3413     PyTorch\n"));
  CHECK(has(text, "Kaggle      CPU             7.78 s            0.132    as published\n"));
  CHECK(has(text, "Gradient    GPU             40.8 us                    a launch only\n"));
  CHECK(has(text, "Tesla T4: launched after 8.1 us, done after 310 us\n"));
}

TEST_CASE("a device with any name fits 80 columns and drives no terminal") {
  const auto text = render_bench(
      report_of(with("Tesla T4", R"(\u001b[2J a name that is much longer than a column)")));
  INFO(text);
  CHECK(widest(text) <= 80);
  CHECK(text.find('\x1b') == std::string::npos);
}

TEST_CASE("the plain kernel says what it is") {
  BenchReport report;
  report.measured.push_back({"", 1, {0.5, 0.6, 5}, {}});
  const auto text = render_bench(report);
  INFO(text);
  CHECK(has(text, "gpujob's own plain kernel: one thread, no BLAS"));
  CHECK(has(text, "here        CPU, 1 thread  500 ms   600 ms  2.05     plain kernel\n"));
  const auto document = bench_document(report);
  CHECK(document["by"] == "plain kernel");
  CHECK(document["python"].is_null());
}

TEST_CASE("the document names units and sources") {
  const auto document = bench_document(report_of(k_good));
  CHECK(document["by"] == "PyTorch");
  CHECK(document["product"]["flop"] == 1'024'000'000);
  const auto& gpu = document["measured"][1];
  CHECK(gpu["device"] == "gpu");
  CHECK(gpu["seconds_best"] == 0.0003);
  CHECK(gpu["seconds_median"] == 0.00031);
  CHECK(gpu["seconds_launch"] == 8.1e-6);
  CHECK(document["published"].size() == k_published.size());
  int measurements = 0;
  for (const auto& row : document["published"]) {
    CHECK(has(row["source"].get<std::string>(), "a user's post"));
    CHECK(row["as_of"] == "2020-02-21");
    measurements += row["is_measurement"].get<bool>() ? 1 : 0;
  }
  CHECK(measurements == 6);
}
