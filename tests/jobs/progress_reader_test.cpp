// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/progress_reader.h"

#include "daemon/jobs/progress_bar.h"
#include "tests/support/catch.h"

#include <chrono>
#include <string>

using namespace gpujob;
using namespace gpujob::jobs;
using namespace std::chrono_literals;

TEST_CASE("the outermost of bars within bars counts") {
  ProgressReader reader;
  const auto bar = reader.read("Epochs:  33%|###  | 1/3 [01:00<02:00, 60.0s/it]\n"
                               "batch:   9%|#    | 18/200 [00:01<00:10, 18.0it/s]\r"
                               "batch:  73%|###  | 146/200 [00:08<00:03, 18.0it/s]\x1b[A");
  REQUIRE(bar);
  CHECK(bar->done == Approx(1.0 / 3));
  CHECK(*bar->left == 2min);
}

TEST_CASE("the newest state of a bar counts, whatever ends its lines") {
  ProgressReader reader;
  CHECK(
      reader
          .read("\r 10%|# | 10/100 [00:10<01:30, 1.0it/s]\r 11%|# | 11/100 [00:11<01:29, 1.0it/s]")
          ->done == Approx(0.11));
  CHECK(reader.read("\r 12%|# | 12/100 [00:12<01:28, 1.0it/s]\nnothing else\n")->done ==
        Approx(0.12));
  CHECK(!reader.read("only words\n"));
}

TEST_CASE("a line that comes in two pieces is one") {
  ProgressReader reader;
  CHECK(!reader.read("\r 10%|# | 10/100 [00:1"));
  CHECK(reader.read("0<01:30, 1.0it/s]\r")->done == Approx(0.10));
}

TEST_CASE("of epochs of Keras the run's progress is made") {
  ProgressReader reader;
  const auto bar = reader.read("Epoch 3/10\n450/1000 [=====>.....] - ETA: 55s - loss: 0.3");
  REQUIRE(bar);
  CHECK(bar->done == Approx(0.245));
  CHECK(std::chrono::round<std::chrono::seconds>(*bar->left) == 755s);
  const auto next = reader.read("\nEpoch 4/10\n1000/1000 [==========] - 100s 100ms/step\n");
  REQUIRE(next);
  CHECK(next->done == Approx(0.4));
  CHECK(*next->left == 600s);
}

TEST_CASE("an epoch of unknown many is no progress of the run") {
  ProgressReader reader;
  CHECK(!reader.read("Epoch 3:  45%|#  | 450/1000 [00:32<00:39, 14.0it/s]\r"));
}

TEST_CASE("a bar that begins anew is passed over from then on") {
  ProgressReader reader;
  CHECK(reader.read(" 90%|# | 90/100 [00:09<00:01, 10.0it/s]\n"));
  CHECK(!reader.read("  2%|# | 2/100 [00:00<00:10, 10.0it/s]\n"));
  CHECK(!reader.read(" 95%|# | 95/100 [00:09<00:01, 10.0it/s]\n"));
  CHECK(reader.read("all:  95%|# | 950/1000 [01:39<00:05, 10.0it/s]\n"));
  // A label that holds a number is the same label.
  CHECK(reader.read("loss 0.31:  50%|# | 50/100 [00:09<00:09, 10.0it/s]\n"));
  CHECK(!reader.read("loss 0.29:   1%|# | 1/100 [00:00<00:09, 10.0it/s]\n"));
}

TEST_CASE("labels without end do not fill the memory") {
  ProgressReader reader;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) {
      (void)reader.read(std::string{a, b} + ":  50%|# | 50/100 [00:09<00:09, 10.0it/s]\n");
    }
  }
  CHECK(!reader.read("new:  50%|# | 50/100 [00:09<00:09, 10.0it/s]\n"));
  CHECK(reader.read("aa:  60%|# | 60/100 [00:09<00:09, 10.0it/s]\n"));
}

TEST_CASE("what is left of a million epochs overflows nothing") {
  ProgressReader first;
  const auto bar = first.read("Epoch 1/1000000\n1/1000000 [>.....] - ETA: 400000:00:00\n");
  REQUIRE(bar);
  CHECK(bar->done == Approx(1e-12));
  CHECK(!bar->left); // 45 million years
  ProgressReader over;
  const auto whole = over.read("Epoch 1/1000000\n1000/1000 [=====] - 99999999s 99s/step\n");
  REQUIRE(whole);
  CHECK(whole->done == Approx(1e-6));
  CHECK(!whole->left);
  ProgressReader last;
  const auto end = last.read("Epoch 1000000/1000000\n1/2 [==>...] - ETA: 400000:00:00\n");
  REQUIRE(end);
  CHECK(end->done == Approx(1));
  CHECK(*end->left == 400000h);
  CHECK(read_epoch("Epoch 1/1000001")->total == 0);
  CHECK(read_epoch("Epoch 1/99999999999999999999")->total == 0);
  CHECK(!read_epoch("Epoch 1000001/2000000"));
}
