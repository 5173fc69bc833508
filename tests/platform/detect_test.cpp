// SPDX-License-Identifier: Apache-2.0
#include "daemon/platform/detect.h"
#include "tests/platform/fake_machine.h"
#include "tests/support/catch.h"

namespace gpujob {

using Catch::Matchers::Contains;
using Catch::Matchers::Equals;
using platform::Confidence;
using platform::detect_platform;
using test::FakeMachine;
using test::profiles;
using Strings = std::vector<std::string>;

TEST_CASE("Kaggle's image is built on Colab's: its COLAB variables do not make it Colab",
          "[platform]") {
  FakeMachine m;
  m.env("KAGGLE_KERNEL_RUN_TYPE=Interactive");
  m.env("COLAB_RELEASE_TAG=release-colab-external-images");
  m.env("COLAB_GPU=1");
  m.dir("/kaggle/working");
  m.dir("/content");
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "kaggle");
  CHECK(d.variant == "interactive");
  CHECK(d.confidence == Confidence::high);
  CHECK_THAT(d.evidence, Equals(Strings{"KAGGLE_KERNEL_RUN_TYPE in the environment",
                                        "directory /kaggle/working"}));
  CHECK(d.conflicts.empty());
}

TEST_CASE("Kaggle wins against Colab's own markers, and says that they are there", "[platform]") {
  FakeMachine m;
  m.env("KAGGLE_KERNEL_RUN_TYPE=Batch");
  m.env("TBE_RUNTIME_ADDR=172.28.0.1:8011");
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "kaggle");
  CHECK(d.variant == "batch");
  CHECK(d.confidence == Confidence::medium);
  CHECK_THAT(d.conflicts, Equals(Strings{"colab: TBE_RUNTIME_ADDR in the environment"}));
}

TEST_CASE("a Kaggle TPU is a TPU before it is interactive", "[platform]") {
  FakeMachine m;
  m.env("KAGGLE_KERNEL_RUN_TYPE=Interactive");
  m.env("ISTPUVM=1");
  CHECK(detect_platform(profiles(), m.facts()).variant == "tpu");
}

TEST_CASE("Colab mounts /kaggle/input and stays Colab", "[platform]") {
  FakeMachine m;
  m.env("TBE_RUNTIME_ADDR=172.28.0.1:8011");
  m.dir("/kaggle/input");
  m.dir("/content");
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "colab");
  CHECK(d.confidence == Confidence::high);
  CHECK(d.conflicts.empty());
}

TEST_CASE("a /kaggle/working that somebody made on Colab does not outweigh its environment",
          "[platform]") {
  FakeMachine m;
  m.env("TBE_RUNTIME_ADDR=172.28.0.1:8011");
  m.dir("/kaggle/working");
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "colab");
  CHECK_THAT(d.conflicts, Equals(Strings{"kaggle: directory /kaggle/working"}));
}

TEST_CASE("Colab Enterprise is not Colab", "[platform]") {
  FakeMachine m;
  m.env("TBE_RUNTIME_ADDR=172.28.0.1:8011");
  m.env("VERTEX_PRODUCT=COLAB_ENTERPRISE");
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "colab-enterprise");
  REQUIRE(d.conflicts.size() == 1);
  CHECK_THAT(d.conflicts[0], Contains("but not with VERTEX_PRODUCT=COLAB_ENTERPRISE"));
}

namespace {

struct Place {
  const char *id, *variant;
  Confidence confidence;
  Strings env, dirs, files;
};

const std::vector<Place>& places() {
  static const std::vector<Place> k_places{
      {"sagemaker-training", "", Confidence::high, {"SM_TRAINING_ENV={}"}, {}, {}},
      {"slurm", "", Confidence::high, {"SLURM_JOB_ID=7"}, {}, {}},
      {"sagemaker-studio-lab", "cpu", Confidence::medium, {}, {"/home/studio-lab-user"}, {}},
      {"sagemaker-studio-lab",
       "gpu",
       Confidence::medium,
       {},
       {"/home/studio-lab-user"},
       {"/dev/nvidiactl"}},
      {"sagemaker-studio",
       "",
       Confidence::high,
       {"SAGEMAKER_APP_TYPE_LOWERCASE=jupyterlab"},
       {},
       {}},
      {"sagemaker-notebook",
       "",
       Confidence::medium,
       {},
       {"/home/ec2-user/SageMaker"},
       {"/etc/opt/ml/sagemaker-notebook-instance-version.txt"}},
      {"kaggle", "batch", Confidence::high, {"KAGGLE_KERNEL_RUN_TYPE=Batch"}, {}, {}},
      {"colab-enterprise", "", Confidence::high, {"VERTEX_PRODUCT=COLAB_ENTERPRISE"}, {}, {}},
      {"colab", "", Confidence::high, {"TBE_RUNTIME_ADDR=172.28.0.1:8011"}, {"/content"}, {}},
      {"paperspace", "", Confidence::medium, {}, {"/notebooks", "/storage"}, {}},
      {"floydhub", "", Confidence::high, {"FLOYDHUB=1"}, {}, {}},
      {"onepanel", "", Confidence::high, {"ONEPANEL_MAIN_CONTAINER=true"}, {}, {}},
      {"kubernetes", "", Confidence::low, {}, {}, {}},
  };
  return k_places;
}

} // namespace

TEST_CASE("each platform is named by its own markers, as far as they are to be believed",
          "[platform]") {
  for (const auto& place : places()) {
    // Many of them run in Kubernetes: that is said only where nothing else speaks.
    FakeMachine m;
    m.env("KUBERNETES_SERVICE_HOST=10.0.0.1");
    for (const auto& entry : place.env) {
      m.env(entry);
    }
    for (const auto& dir : place.dirs) {
      m.dir(dir);
    }
    for (const auto& file : place.files) {
      m.file(file);
    }
    const auto d = detect_platform(profiles(), m.facts());
    INFO(place.id);
    CHECK(d.platform == place.id);
    CHECK(d.variant == place.variant);
    CHECK(d.confidence == place.confidence);
  }
  // The fallback has no markers, two are not to be named without the user, Studio Lab has two.
  CHECK(places().size() == profiles().size() - 2);
}

TEST_CASE("a platform without a verified marker is not taken: the user is asked, and told why",
          "[platform]") {
  FakeMachine m;
  m.dir("/home/aistudio/work");
  m.dir("/home/ubuntu/MyFiles");
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "generic");
  REQUIRE(d.conflicts.size() == 2);
  CHECK_THAT(d.conflicts[0], Contains("--platform aistudio"));
  CHECK_THAT(d.conflicts[1], Contains("--platform easyaiforum"));
  for (const auto* id : {"aistudio", "easyaiforum"}) {
    const auto said = override_platform(profiles(), m.facts(), id, "--platform");
    REQUIRE(said);
    CHECK(said->platform == id);
    CHECK(said->confidence == Confidence::high);
  }
}

TEST_CASE("SageMaker Studio's custom images have no variable, only a member of a file",
          "[platform]") {
  constexpr const char* k_path = "/opt/ml/metadata/resource-metadata.json";
  const auto found = [&](const std::string& content) {
    FakeMachine m;
    m.file(k_path, content);
    return detect_platform(profiles(), m.facts()).platform;
  };
  CHECK(found(R"({"DomainId": "d-1"})") == "sagemaker-studio");
  CHECK(found(R"({"ResourceName": "n"})") != "sagemaker-studio");
  CHECK(found("[torn") != "sagemaker-studio");
  CHECK(found("") != "sagemaker-studio");
}

TEST_CASE("what anybody may have set anywhere marks no platform", "[platform]") {
  FakeMachine m;
  SECTION("Kaggle's credentials") {
    m.env("KAGGLE_USERNAME=me");
    m.env("KAGGLE_KEY=secret");
    m.env("KAGGLE_API_TOKEN=secret");
  }
  SECTION("Paperspace's credential") {
    m.env("PS_API_KEY=secret");
  }
  SECTION("a variable of Colab's image") {
    m.env("COLAB_RELEASE_TAG=x");
  }
  SECTION("one of the two directories of Colab") {
    m.dir("/content");
  }
  SECTION("a file where a directory is meant") {
    m.file("/kaggle/working");
  }
  SECTION("another value") {
    m.env("ISTPUVM=1");
  }
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "generic");
  CHECK(d.variant.empty());
  CHECK(d.confidence == Confidence::medium);
  CHECK_THAT(d.evidence, Equals(Strings{"no known platform's marker was found"}));
}

TEST_CASE("in a bare environment PID 1's speaks, and the evidence says so", "[platform]") {
  FakeMachine m;
  m.pid1_env({"PATH=/bin", "KAGGLE_KERNEL_RUN_TYPE=Batch"});
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "kaggle");
  CHECK(d.variant == "batch");
  CHECK_THAT(d.evidence, Equals(Strings{"KAGGLE_KERNEL_RUN_TYPE in PID 1's environment"}));
}

TEST_CASE("with no environment at all paths remain, and are believed less", "[platform]") {
  FakeMachine m;
  SECTION("Kaggle") {
    m.dir("/kaggle/working");
    CHECK(detect_platform(profiles(), m.facts()).platform == "kaggle");
  }
  SECTION("Colab, by its hostname file") {
    m.file("/var/colab/hostname");
    CHECK(detect_platform(profiles(), m.facts()).platform == "colab");
  }
  SECTION("Colab, by two directories") {
    m.dir("/content");
    m.dir("/opt/colab");
    CHECK(detect_platform(profiles(), m.facts()).platform == "colab");
  }
  SECTION("Paperspace") {
    m.dir("/notebooks");
    m.dir("/storage");
    CHECK(detect_platform(profiles(), m.facts()).platform == "paperspace");
  }
  CHECK(detect_platform(profiles(), m.facts()).confidence == Confidence::medium);
}

TEST_CASE("the user's word wins, and what speaks against it is told", "[platform]") {
  FakeMachine m;
  m.env("TBE_RUNTIME_ADDR=172.28.0.1:8011");
  m.env("KAGGLE_KERNEL_RUN_TYPE=");
  const auto d = platform::override_platform(profiles(), m.facts(), "paperspace", "--platform");
  REQUIRE(d.has_value());
  CHECK(d->platform == "paperspace");
  CHECK(d->confidence == Confidence::high);
  CHECK_THAT(d->evidence, Equals(Strings{"--platform says so"}));
  CHECK_THAT(d->conflicts, Equals(Strings{"kaggle: KAGGLE_KERNEL_RUN_TYPE in the environment"}));
}

TEST_CASE("an unknown platform is refused with the known ones", "[platform]") {
  const auto d = platform::override_platform(profiles(), {}, "lambda", "--platform");
  REQUIRE(d.has_error());
  CHECK(d.error().code == Errc::usage);
  CHECK(d.error().text ==
        "--platform: 'lambda': no such platform: use one of aistudio, colab, colab-enterprise, "
        "easyaiforum, floydhub, generic, kaggle, kubernetes, onepanel, paperspace, "
        "sagemaker-notebook, sagemaker-studio, sagemaker-studio-lab, sagemaker-training, slurm");
}

TEST_CASE("facts keep no variable that no profile asks for", "[platform]") {
  FakeMachine m;
  m.env("AWS_SECRET_ACCESS_KEY=secret");
  m.env("COLAB_RELEASE_TAG=x");
  m.env("TBE_RUNTIME_ADDR=a");
  m.pid1_env({"TOKEN=secret"});
  const auto f = m.facts();
  CHECK(f.env == std::map<std::string, std::string>{{"TBE_RUNTIME_ADDR", "a"}});
  REQUIRE(f.pid1_env);
  CHECK(f.pid1_env->empty());
}

TEST_CASE("a container shows in several ways", "[platform]") {
  FakeMachine m;
  CHECK(!m.facts().in_container());
  Strings expected;
  SECTION("docker's file") {
    m.file("/.dockerenv");
    expected = {"file /.dockerenv"};
  }
  SECTION("podman's file") {
    m.file("/run/.containerenv");
    expected = {"file /run/.containerenv"};
  }
  SECTION("the control group") {
    m.file("/proc/1/cgroup", "0::/kubepods/besteffort/pod1\n");
    expected = {"/proc/1/cgroup names kubepods"};
  }
  SECTION("a PID 1 that is no init") {
    m.pid1("run (me).sh", test::hours(0));
    expected = {"PID 1 is run (me).sh, no init"};
  }
  CHECK(m.facts().container_evidence == expected);
}

TEST_CASE("the mount table says what lies under a path", "[platform]") {
  FakeMachine m;
  m.file("/proc/self/mountinfo", "1 0 0:1 / / rw,relatime - overlay overlay rw\n"
                                 "2 1 0:2 / /content/drive rw shared:7 - fuse.drive drive rw\n"
                                 "3 1 0:3 / /with\\040blank rw - tmpfs none rw\n");
  const auto mounts = m.facts().mounts;
  CHECK(platform::filesystem_type(mounts, "/content/drive/MyDrive/gpujob") == "fuse.drive");
  CHECK(platform::filesystem_type(mounts, "/content/drive") == "fuse.drive");
  CHECK(platform::filesystem_type(mounts, "/content/drives") == "overlay");
  CHECK(platform::filesystem_type(mounts, "/with blank/x") == "tmpfs");
  CHECK(platform::filesystem_type({}, "/x").empty());
}

TEST_CASE("under env -i a notebook kernel's environment tells the platform", "[platform]") {
  FakeMachine m;
  m.pid1_env({"PATH=/bin"});
  m.file("/proc/77/cmdline", std::string("python3\0-m\0ipykernel_launcher\0", 29));
  m.file("/proc/77/environ", std::string("PATH=/bin\0KAGGLE_KERNEL_RUN_TYPE=Batch\0", 39));
  m.file("/proc/78/cmdline", std::string("sshd\0", 5));
  m.file("/proc/78/environ", std::string("TBE_RUNTIME_ADDR=x\0", 19));
  const auto d = detect_platform(profiles(), m.facts());
  CHECK(d.platform == "kaggle");
  CHECK(d.variant == "batch");
  CHECK(d.confidence == Confidence::high);
  REQUIRE(d.evidence.size() == 1);
  CHECK(d.evidence[0] == "KAGGLE_KERNEL_RUN_TYPE in a notebook kernel's environment");
}

} // namespace gpujob
