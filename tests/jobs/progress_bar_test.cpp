// SPDX-License-Identifier: Apache-2.0
#include "daemon/jobs/progress_bar.h"

#include "tests/support/catch.h"

#include <chrono>
#include <string>

using namespace gpujob;
using namespace gpujob::jobs;
using namespace std::chrono_literals;

TEST_CASE("a line of tqdm: how far, how fast, how long still") {
  const auto bar = read_progress_bar(" 45%|██████          | 450/1000 [00:32<00:39, 14.02it/s]");
  REQUIRE(bar);
  CHECK(bar->done == Approx(0.45));
  CHECK(bar->rate == "14.02it/s");
  CHECK(*bar->elapsed == 32s);
  CHECK(*bar->left == 39s);
  CHECK(bar->label.empty());
}

TEST_CASE("tqdm: slow, scaled, labelled, cut off, and in ASCII") {
  const auto slow = read_progress_bar("Epoch 3:  30%|██   | 3/10 [2:00:00<4:40:00, 2400.00s/it]");
  REQUIRE(slow);
  CHECK(slow->label == "Epoch 3:");
  CHECK(*slow->left == 4h + 40min);
  CHECK(slow->rate == "2400.00s/it");
  const auto scaled =
      read_progress_bar(" 12%|#2   | 3.00k/25.0k [26:03:04<189:00:00, 120s/B, loss=0.3]");
  REQUIRE(scaled);
  CHECK(scaled->done == Approx(0.12));
  CHECK(*scaled->elapsed == 26h + 3min + 4s);
  CHECK(read_progress_bar(" 45%|▍| 450/1000 [00:32<00:39, 14.02it/s")); // ncols
  CHECK(read_progress_bar("\x1b[32m 45%\x1b[0m|####5     | 45/100 [00:03<00:03, 14.06it/s]\x1b[A"));
}

TEST_CASE("a bar that does not know yet how long tells how far") {
  const auto bar = read_progress_bar("  0%|          | 0/10 [00:00<?, ?it/s]");
  REQUIRE(bar);
  CHECK(bar->done == 0);
  CHECK(!bar->left);
  CHECK(bar->rate.empty());
}

TEST_CASE("Keras, the second and the third") {
  const auto two =
      read_progress_bar("450/1000 [============>.................] - ETA: 1:39 - loss: 0.3");
  REQUIRE(two);
  CHECK(two->done == Approx(0.45));
  CHECK(*two->left == 99s);
  const auto over = read_progress_bar("1000/1000 [==============================] - 45s 45ms/step");
  REQUIRE(over);
  CHECK(over->done == 1);
  CHECK(*over->elapsed == 45s);
  CHECK(*over->left == 0s);
  const auto three = read_progress_bar("\x1b[1m 37/100\x1b[0m \x1b[32m━━━━━━━\x1b[0m\x1b[37m━━━━━━"
                                       "━━━━━━━\x1b[0m \x1b[1m12s\x1b[0m 190ms/step - loss: 0.5");
  REQUIRE(three);
  CHECK(three->done == Approx(0.37));
  CHECK(*three->left == 12s);
  CHECK(three->rate == "190ms/step");
}

TEST_CASE("what is no progress bar is not taken for one") {
  for (const auto* line :
       {"", "loss 45% better than 450/1000", "accuracy: 45% [0.3<0.5, ok]",
        "1500it [00:03, 500it/s]", "45%| | 450/1000 [00:32 00:39]",
        "45%| | 1500/1000 [00:32<00:39, 1it/s]", "45%| | -3/1000 [00:32<00:39, 1it/s]",
        "45%| | 3/0 [00:32<00:39, 1it/s]", "45%| | nan/inf [00:32<00:39, 1it/s]",
        "45%| | 450/1000 [-1:00<00:39, 1it/s]",
        "45%| | 450/1000 [99999999999999999999:00<00:39, 1it/s]", "[<", "%[<]",
        "450/1000 [abc] - ETA: 3s", "450/1000 [===] - ETA: soon", "2026/11/22 [INFO] - started"}) {
    INFO(line);
    CHECK(!read_progress_bar(line));
  }
  CHECK(!read_progress_bar(std::string(5000, ' ') + " 45%| | 450/1000 [00:32<00:39, 1it/s]"));
}

TEST_CASE("a rate is shown on terminals: control bytes do not come through") {
  const auto bar = read_progress_bar(" 45%|#| 450/1000 [00:32<00:39, 1\ait/s]");
  REQUIRE(bar);
  CHECK(bar->rate == "1\\x07it/s");
}

TEST_CASE("epochs are counted where their number is told") {
  CHECK(read_epoch("Epoch 3/10")->number == 3);
  CHECK(read_epoch("Epoch 3/10")->total == 10);
  CHECK(read_epoch("Train epoch [3/10]")->total == 10);
  CHECK(read_epoch("Epoch 3:")->total == 0);
  CHECK(read_epoch("Epoch 0/9")->total == 0); // 9 or 10 of them?
  CHECK(read_epoch("Epoch 12/10")->total == 0);
  CHECK(!read_epoch("Epoch"));
  CHECK(!read_epoch("reEpoch 3"));
  CHECK(!read_epoch("Epoch 99999999999999999999"));
}

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
