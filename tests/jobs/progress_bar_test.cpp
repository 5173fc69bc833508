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
  const auto endless = std::string(300, '9') + "P"; // more than a double holds
  CHECK(!read_progress_bar("45%| | " + endless + "/" + endless + " [00:32<00:39, 1it/s]"));
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
