// SPDX-License-Identifier: Apache-2.0
#include "daemon/gpu/probe/drm_client.h"

#include "tests/support/catch.h"

using namespace gpujob;
using namespace gpujob::gpu;

TEST_CASE("a GPU's open file as amdgpu tells of it", "[gpu]") {
  const auto c = parse_drm_client("pos:\t0\nflags:\t02100002\nmnt_id:\t26\ndrm-driver:\tamdgpu\n"
                                  "drm-client-id:\t42\ndrm-pdev:\t0000:03:00.0\n"
                                  "drm-memory-vram:\t2048 KiB\ndrm-memory-gtt: \t1024 KiB\n"
                                  "drm-engine-gfx:\t123 ns\ndrm-engine-compute:\t 456 ns\n");
  REQUIRE(c);
  CHECK(c->driver == "amdgpu");
  CHECK(c->pci == "0000:03:00.0");
  CHECK(c->id == 42);
  CHECK(c->memory == 2048 * 1024);
  CHECK(c->graphics_ns == 123);
  CHECK(c->compute_ns == 456);
}

TEST_CASE("what is resident counts, by whatever name", "[gpu]") {
  const std::string pci = "drm-pdev:\t0000:03:00.0\n";
  CHECK(parse_drm_client(pci + "drm-resident-vram: 1 MiB\ndrm-total-vram: 5 MiB\n")->memory ==
        1 << 20);
  CHECK(parse_drm_client(pci + "drm-total-vram: 5\n")->memory == 5);
  CHECK_FALSE(parse_drm_client(pci)->memory);
}

TEST_CASE("what is no number of a GPU's file is unknown", "[gpu]") {
  CHECK_FALSE(parse_drm_client(""));
  CHECK_FALSE(parse_drm_client("drm-driver: amdgpu\n"));
  const std::string pci = "drm-pdev:\t0000:03:00.0\n";
  for (const char* text :
       {"-1", "x", "", "1 TB", "9223372036854775807 KiB", "99999999999999999999", "1 KiB KiB"}) {
    INFO(text);
    CHECK_FALSE(parse_drm_client(pci + "drm-memory-vram: " + text + "\n")->memory);
  }
  CHECK(parse_drm_client("drm-\ndrm-pdev\n:\ndrm-pdev:x\ndrm-client-id:\n")->pci == "x");
}

TEST_CASE("one PCI address as each of the drivers writes it", "[gpu]") {
  CHECK(is_same_pci("00000000:0A:00.0", "0000:0a:00.0"));
  CHECK(is_same_pci("0001:0a:00.0", "00000001:0A:00.0"));
  CHECK_FALSE(is_same_pci("0001:0a:00.0", "0000:0a:00.0"));
  CHECK_FALSE(is_same_pci("", ""));
  CHECK(is_same_pci("0000:00:04.0", "00000000:00:04.0"));
  CHECK_FALSE(is_same_pci("0000:00:04.0", "0000:00:05.0"));
}
