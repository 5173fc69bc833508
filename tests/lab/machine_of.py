# SPDX-License-Identifier: Apache-2.0
"""The VM of each platform, as far as a process inside can see it, and what gpujob has to say there.

What it looks like is what was verified of the platform (schema/platforms names the sources); numbers
of users, tokens and the like are made up. The expectations are written down here a second time, not
read from the profiles.
"""
from dataclasses import dataclass, field, replace

MINUTE, HOUR, DAY = 60, 3600, 86400
SHARED = "/mnt/shared"  # where the platform keeps nothing, the user mounts something


@dataclass(frozen=True)
class Kept:
    """Storage that outlives the VM, mounted there."""
    at: str
    fuse: str = ""      # the kernel says fuse.SUBTYPE; else it is a bind mount, also for NFS
    holds: tuple = ()   # directories in it from the beginning
    later: str = ""     # where the next VM sees it, read-only; empty: where it was, to go on with


@dataclass(frozen=True)
class User:
    name: str = "root"
    uid: int = 0
    gid: int = 0
    home: str = "/root"


@dataclass(frozen=True)
class Window:
    resource: str
    amount: int | None
    period: str          # "week" (Saturday 00:00 UTC), "day" (24 h from the first use) or "unknown"
    effect: str


@dataclass(frozen=True)
class MachineOf:
    platform: str                 # what detection says
    confidence: str
    marker: str                   # the first evidence
    age: int                      # how long ago PID 1 began, in seconds
    limit: int | None = None      # of the session
    margin: int | None = None
    begins: str = "pid1"          # with what the session begins
    variant: str | None = None
    plan: str | None = None
    windows: tuple = ()
    env: dict = field(default_factory=dict)
    dirs: tuple = ()
    files: dict = field(default_factory=dict)
    user: User = User()
    init: str = "tini"            # the program that is PID 1
    gpu: bool = False
    workdir: str = "/"
    kept: tuple = ()
    durable: str = ""             # found without a word of the user; empty: it must be given
    level: str = ""
    given: tuple = ()             # what the user has to say
    asks: str = ""                # of what the user is asked whether it is that


DOCKER = {"/.dockerenv": ""}
COLAB_IMAGE = {"COLAB_RELEASE_TAG": "release-colab-external-images_20260514-060000_RC00"}
KAGGLE_ENV = {
    **COLAB_IMAGE,  # Kaggle's image is built on Colab's
    "KAGGLE_URL_BASE": "https://www.kaggle.com", "KAGGLE_DATA_PROXY_PROJECT": "lab",
    "KAGGLE_DATA_PROXY_URL": "https://proxy.example", "KAGGLE_DATA_PROXY_TOKEN": "none",
    "KAGGLE_CONTAINER_NAME": "kaggle-lab", "KAGGLE_GCP_ZONE": "us-west1-b",
    "KAGGLE_USER_SECRETS_TOKEN": "none",
}
KAGGLE_FILES = {**DOCKER, "/etc/git_commit": "78aaa43\n", "/etc/build_date": "20260812\n",
                "/opt/kaggle/conf.json": "{}\n"}
KAGGLE_INPUT = "/kaggle/input/digits"
WEEK_OF_GPU = Window("gpu", 30 * HOUR, "week", "deny_new")


def kaggle(variant, **more):
    run_type = {"KAGGLE_KERNEL_RUN_TYPE": "Batch" if variant == "batch" else "Interactive"}
    made = dict(
        platform="kaggle", confidence="high", marker="KAGGLE_KERNEL_RUN_TYPE in the environment", variant=variant,
        age=3 * HOUR + 21 * MINUTE + 9, limit=12 * HOUR, margin=30 * MINUTE, windows=(WEEK_OF_GPU,),
        env={**KAGGLE_ENV, **run_type}, dirs=("/kaggle/input", "/content"), files=KAGGLE_FILES,
        workdir="/kaggle/working", kept=(Kept("/kaggle/working", later=KAGGLE_INPUT),),
        durable="/kaggle/working/gpujob", level="cached")
    made.update(more)
    return MachineOf(**made)


COLAB_ENV = {
    **COLAB_IMAGE, "TBE_RUNTIME_ADDR": "172.28.0.1:8011", "TBE_CREDS_ADDR": "172.28.0.1:8008",
    "COLAB_BACKEND_VERSION": "next", "COLAB_GPU": "",
    "COLAB_JUPYTER_IP": "172.28.0.12", "COLAB_NOTEBOOK_ID": "none",
    "COLAB_KERNEL_MANAGER_PROXY_HOST": "172.28.0.12", "COLAB_KERNEL_MANAGER_PROXY_PORT": "6000",
    "VM_GCE_METADATA_HOST": "169.254.169.253",
}
COLAB = MachineOf(
    platform="colab", confidence="high", marker="TBE_RUNTIME_ADDR in the environment", plan="free",
    age=5 * HOUR + 2 * MINUTE + 3, limit=12 * HOUR, margin=15 * MINUTE, env=COLAB_ENV,
    dirs=("/content/sample_data", "/opt/colab", "/datalab"), workdir="/content",
    files={**DOCKER, "/var/colab/hostname": "m-s-lab\n", "/opt/google/drive/drive": ""},
    kept=(Kept("/content/drive", fuse="drive", holds=("MyDrive",)),),
    durable="/content/drive/MyDrive/gpujob", level="cached")

STUDIO_LAB_HOME = "/home/studio-lab-user"


def studio_lab(variant, hours):
    return MachineOf(
        platform="sagemaker-studio-lab", confidence="high", variant=variant, gpu=variant == "gpu",
        marker="directory /home/studio-lab-user", age=40 * MINUTE + 31, limit=4 * HOUR, margin=10 * MINUTE,
        windows=(Window(variant, hours * HOUR, "day", "kill_now"),),
        user=User("studio-lab-user", 1000, 100, STUDIO_LAB_HOME), dirs=("/mnt/sagemaker-nvme",), files=DOCKER,
        workdir=STUDIO_LAB_HOME, kept=(Kept(STUDIO_LAB_HOME),), durable=STUDIO_LAB_HOME + "/gpujob", level="stored")


# The mount point of older notebooks, and what mounted Drive before that: the whole of it, at its root.
GDRIVE = replace(COLAB, kept=(Kept("/content/gdrive", fuse="drive", holds=("My Drive",)),),
                 durable="/content/gdrive/My Drive/gpujob")
OCAMLFUSE = replace(COLAB, kept=(Kept("/content/drive", fuse="google-drive-ocamlfuse"),),
                    durable="/content/drive/gpujob")


METADATA = "/opt/ml/metadata/resource-metadata.json"
KUBERNETES = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
USER_GIVES = dict(kept=(Kept(SHARED),), given=("--durable", SHARED + "/gpujob"))
AISTUDIO_HOME = "/home/aistudio"
ASKED = "no known platform's marker was found"

MACHINES = {
    "kaggle": kaggle("interactive", gpu=True),
    "kaggle, batch": kaggle("batch", age=11 * HOUR + 59),
    "kaggle, tpu": kaggle(
        "tpu", limit=9 * HOUR, windows=(Window("tpu", 20 * HOUR, "week", "deny_new"),),
        env={**KAGGLE_ENV, "KAGGLE_KERNEL_RUN_TYPE": "Interactive", "ISTPUVM": "1"}),
    # Where an attached output or dataset is mounted today, by what notebooks of 2026 read there.
    "kaggle, as output": kaggle("batch", kept=(Kept("/kaggle/working", later="/kaggle/input/notebooks/me/digits"),)),
    "kaggle, as dataset": kaggle("batch", kept=(Kept("/kaggle/working", later="/kaggle/input/datasets/me/digits"),)),
    "colab": COLAB,
    "colab, gdrive": GDRIVE,
    "colab, ocamlfuse": OCAMLFUSE,
    "colab-enterprise": MachineOf(
        platform="colab-enterprise", confidence="high", marker="VERTEX_PRODUCT=COLAB_ENTERPRISE in the environment",
        age=7 * HOUR + 7, env={**COLAB_IMAGE, "VERTEX_PRODUCT": "COLAB_ENTERPRISE"}, dirs=("/content",),
        files=DOCKER, workdir="/content", **USER_GIVES),
    "paperspace": MachineOf(
        platform="paperspace", confidence="high", marker="PAPERSPACE_NOTEBOOK_REPO_ID in the environment", plan="free",
        age=1 * HOUR + 59 * MINUTE + 58, limit=6 * HOUR, margin=15 * MINUTE, gpu=True, workdir="/notebooks",
        env={"PAPERSPACE_NOTEBOOK_REPO_ID": "rlab", "PAPERSPACE_NOTEBOOK_ID": "nlab",
             "PAPERSPACE_CLUSTER_ID": "clab", "PAPERSPACE_FQDN": "nlab.clab.paperspace.example"},
        files=DOCKER, kept=(Kept("/storage"), Kept("/notebooks")), durable="/storage/gpujob", level="stored"),
    "aistudio": MachineOf(
        platform="generic", confidence="low", marker=ASKED, asks="aistudio", age=2 * HOUR + 5,
        user=User("aistudio", 1000, 1000, AISTUDIO_HOME), dirs=(AISTUDIO_HOME + "/data",), files=DOCKER,
        workdir=AISTUDIO_HOME, given=("--platform", "aistudio"), durable=AISTUDIO_HOME + "/work/gpujob", level="cached",
        kept=(Kept(AISTUDIO_HOME + "/work"), Kept(AISTUDIO_HOME + "/external-libraries"))),
    "sagemaker-notebook": MachineOf(
        platform="sagemaker-notebook", confidence="medium", init="systemd", age=26 * HOUR + 17,
        marker="file /etc/opt/ml/sagemaker-notebook-instance-version.txt",
        user=User("ec2-user", 1000, 1000, "/home/ec2-user"), workdir="/home/ec2-user",
        files={"/etc/opt/ml/sagemaker-notebook-instance-version.txt": "2.0\n",
               METADATA: '{"ResourceArn": "arn:lab", "ResourceName": "lab"}\n'},
        kept=(Kept("/home/ec2-user/SageMaker"),), durable="/home/ec2-user/SageMaker/gpujob", level="stored"),
    "sagemaker-studio": MachineOf(
        platform="sagemaker-studio", confidence="high", marker="SAGEMAKER_APP_TYPE_LOWERCASE in the environment",
        age=3 * HOUR + 33, init="supervisord", user=User("sagemaker-user", 1000, 100, "/home/sagemaker-user"),
        env={"SAGEMAKER_APP_TYPE_LOWERCASE": "jupyterlab", "SAGEMAKER_SPACE_TYPE_LOWERCASE": "private",
             "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/_sagemaker-instance-credentials/none"},
        dirs=("/opt/amazon/sagemaker",), workdir="/home/sagemaker-user",
        files={**DOCKER, METADATA: '{"DomainId": "d-lab", "ResourceName": "lab"}\n'},
        kept=(Kept("/home/sagemaker-user"),), durable="/home/sagemaker-user/gpujob", level="stored"),
    "sagemaker-studio-lab": studio_lab("gpu", 4),
    "sagemaker-studio-lab, cpu": studio_lab("cpu", 8),
    "sagemaker-training": MachineOf(
        platform="sagemaker-training", confidence="high", marker="SM_TRAINING_ENV in the environment",
        age=50 * MINUTE, env={"SM_TRAINING_ENV": "{}"}, dirs=("/opt/ml/model",), workdir="/opt/ml",
        files={**DOCKER, "/opt/ml/input/config/hyperparameters.json": "{}\n"},
        kept=(Kept("/opt/ml/checkpoints"),), durable="/opt/ml/checkpoints/gpujob", level="cached"),
    "onepanel": MachineOf(
        platform="onepanel", confidence="high", marker="ONEPANEL_RESOURCE_UID in the environment", age=9 * HOUR + 9,
        env={**KUBERNETES, "ONEPANEL_RESOURCE_UID": "lab", "ONEPANEL_MAIN_CONTAINER": "true",
             "ONEPANEL_FQDN": "lab.onepanel.example", "ONEPANEL_DOMAIN": "onepanel.example"},
        dirs=("/etc/onepanel",), kept=(Kept("/data"),), durable="/data/gpujob", level="stored"),
    "floydhub": MachineOf(
        platform="floydhub", confidence="high", marker="FLOYDHUB=1 in the environment", age=8 * HOUR + 1,
        windows=(Window("machine", None, "unknown", "kill_now"),), env={"FLOYDHUB": "1"}, dirs=("/floyd/input",),
        files=DOCKER, workdir="/floyd/home", kept=(Kept("/floyd/home"),), durable="/floyd/home/gpujob", level="cached"),
    "easyaiforum": MachineOf(
        platform="generic", confidence="medium", marker=ASKED, asks="easyaiforum", begins="daemon", init="systemd",
        age=4 * HOUR + 4, user=User("ubuntu", 1000, 1000, "/home/ubuntu"), workdir="/home/ubuntu",
        given=("--platform", "easyaiforum"), kept=(Kept("/home/ubuntu/MyFiles"),),
        durable="/home/ubuntu/MyFiles/gpujob", level="cached"),
    "kubernetes": MachineOf(
        platform="kubernetes", confidence="low", marker="KUBERNETES_SERVICE_HOST in the environment", age=90 * MINUTE,
        env=KUBERNETES, **USER_GIVES),
    "slurm": MachineOf(
        platform="slurm", confidence="high", marker="SLURM_JOB_ID in the environment", begins="daemon", init="systemd",
        age=40 * HOUR, env={"SLURM_JOB_ID": "7"}, user=User("me", 1000, 1000, "/home/me"), **USER_GIVES),
    "generic": MachineOf(
        platform="generic", confidence="medium", marker=ASKED, begins="daemon", init="systemd", age=300 * HOUR,
        user=User("me", 1000, 1000, "/home/me"), **USER_GIVES),
}
