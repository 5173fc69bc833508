// SPDX-License-Identifier: Apache-2.0
#include "daemon/net/http.h"
#include "tests/support/catch.h"

using namespace gpujob::net;

TEST_CASE("a URL with an address is taken apart", "[net]") {
  const auto plain = parse_url("http://127.0.0.1:8888/nb/api?x=1#part");
  REQUIRE(plain);
  CHECK_FALSE(plain->tls);
  CHECK(plain->host == "127.0.0.1");
  CHECK(plain->port == 8888);
  CHECK(plain->target == "/nb/api?x=1");
  const auto bare = parse_url("https://localhost?q");
  REQUIRE(bare);
  CHECK(bare->tls);
  CHECK(bare->port == 443);
  CHECK(bare->target == "/?q");
  const auto v6 = parse_url("http://[::1]:80/");
  REQUIRE(v6);
  CHECK(v6->host == "::1");
}

TEST_CASE("what is no URL of an address is refused, and its query is not repeated", "[net]") {
  for (const auto* text : {"", "127.0.0.1", "ftp://127.0.0.1/", "http://", "http://example.org/",
                           "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:x/",
                           "http://[::1", "http://127.0.0.1/a b", "http://127.0.0.1/\r\nHost: x",
                           "http://user@127.0.0.1/", "file:///etc/passwd"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_url(text));
  }
  const auto secret = parse_url("gopher://x/?token=secret");
  REQUIRE_FALSE(secret);
  CHECK(secret.error().text.find("secret") == std::string::npos);
}
