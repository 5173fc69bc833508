// SPDX-License-Identifier: Apache-2.0
#include "client/kaggle_quota.h"
#include "tests/support/catch.h"

#include <nlohmann/json.hpp>

using namespace gpujob;
using namespace gpujob::client;

TEST_CASE("what kaggle quota prints is read: columns in any order, any way to write a time") {
  const auto read =
      read_kaggle_quota("Warning: Looks like you're using an outdated API Version\n"
                        "resource,used,remaining,total,refreshAt\r\n"
                        "GPU,17.5,22.5,40,2026-11-28 00:00:00+00:00\r\n"
                        "\"TPU v5e-8, 8 cores\",0s,72000s,20:00:00,2026-11-28T00:00:00Z\n"
                        "CPU,1,2,3,\n\n");
  REQUIRE(read);
  REQUIRE(read->size() == 2);
  const auto& gpu = (*read)[0];
  CHECK(gpu["name"] == "gpu");
  CHECK(gpu["amount"] == "22.5");
  CHECK(gpu["total"] == "40");
  CHECK(gpu["renews_at"] == "2026-11-28T00:00:00Z");
  const auto& tpu = (*read)[1];
  CHECK(tpu["name"] == "tpu");
  CHECK(tpu["amount"] == "72000s");
  CHECK(tpu["total"] == "20h00m00s");
  const auto python =
      read_kaggle_quota("\xef\xbb\xbfresource,remaining\nGPU,\"1 day, 5:30:00\"\nTPU,-2\n");
  REQUIRE(python);
  CHECK((*python)[0]["amount"] == "1d5h30m00s");
  CHECK((*python)[1]["amount"] == "0s");
  CHECK(read_kaggle_quota("remaining,resource\n1,gpu\n"));
}

TEST_CASE("what is no such table is an error that names the row and the column") {
  const auto error = [](const char* text) {
    const auto read = read_kaggle_quota(text);
    return read ? std::string("read") : read.error().text;
  };
  CHECK(error("").find("no row of a GPU or TPU") != std::string::npos);
  CHECK(error("401 - Unauthorized").find("no row of a GPU") != std::string::npos);
  CHECK(error("resource,remaining\nGPU\n") == "kaggle quota: line 2: row: has 1 cells, not 2");
  CHECK(error("resource,remaining\nGPU,\n") == "kaggle quota: line 2: remaining: is empty");
  CHECK(error("resource,remaining,refreshAt\nGPU,1,tomorrow\n") ==
        "kaggle quota: line 2: refreshAt: is no instant in UTC");
}
