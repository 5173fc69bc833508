# SPDX-License-Identifier: Apache-2.0
"""A VM of a platform, built on this machine: namespaces, a root of its own, and mounts.

Nothing of the host shows in it but its programs (/usr): / is an overlay as in a container, storage
that outlives the VM is a directory of the test's own, mounted where the platform has it. Time: PID 1
is as old as the description says. No namespace can say that of a process, so /proc/1/stat is a file,
and a time namespace makes the machine old enough.
"""
import os
import shlex
import shutil
import signal
import subprocess
import time
import uuid

from machine import BIN, HERE as SUPPORT, Case, Machine, wait_until

UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--uts", "--ipc", "--net", "--cgroup", "--time"]
SINCE_BOOT = 45000  # the host is up for longer than any container on it
TICKS = os.sysconf("SC_CLK_TCK")
PROGRAMS, SAVER = "/opt/gpujob/bin", "/opt/gpujob/support/saver.py"

# $1: a mount point; $2: the image; $3: how much older PID 1 is to be, in ticks; $4: its name.
BEGIN = """
read -r pid rest </proc/self/stat; echo "$pid"
mount -t tmpfs -o mode=755 vm "$1"; cd "$1"; mkdir upper work root
echo {boot_id} >boot_id
mount -t overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" overlay root
cd root
mount -t proc proc proc
mount --bind ../boot_id proc/sys/kernel/random/boot_id
mount -t tmpfs -o mode=755 dev dev
while read -r name major minor; do mknod -m 666 "dev/$name" c "$major" "$minor"; done <<END
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
fuse 10 229
END
mkdir -m 1777 dev/shm
mkdir dev/pts; mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts; ln -s pts/ptmx dev/ptmx
"""
# The fields of /proc/PID/stat, with another name and start.
AGE = """
name=$4 older=$3
set -- $(cat proc/1/stat); line="1 ($name)"; shift 2; n=3
for field; do [ $n = 22 ] && field=$((field - older)); line="$line $field"; n=$((n + 1)); done
echo "$line" >../stat; mount --bind ../stat proc/1/stat
mkdir old; pivot_root . old; cd /
"""


def read_only(source, target):
    return f"mkdir -p {target}; mount --bind {source} {target}; mount -o remount,bind,ro {target}"


class Vm(Machine):
    """A running VM of a description. Its disk goes with it; `storage` stays."""

    def __init__(self, root, name, of, mounts, boot_id=None):
        """mounts: (directory of the host, where, FUSE subtype or "", writable)."""
        super().__init__(root, name)
        self.of, self.mounts = of, mounts
        self.asked = None  # its age when gpujob was first run in it
        self.bin = PROGRAMS
        self.boot_id = boot_id or str(uuid.uuid4())
        self.env = {"PATH": PROGRAMS + ":/usr/bin:/bin", "HOME": of.user.home, **of.env}
        self.image = self.root + "/image"
        self.make_image()
        self.start_vm()

    @property
    def log(self):
        return self.inside(self.of.user.home + "/.local/state/gpujob/daemon.log")

    def inside(self, path):
        """A path of the VM, as the host sees it."""
        return f"/proc/{self.pid1}/root{path}"

    def stored(self, path):
        """Where a path below one of its mounts lies in what outlives it."""
        source, at = next((source, at) for source, at, _, _ in self.mounts if path.startswith(at + "/"))
        return source + path[len(at):]

    def age(self):
        """How long ago its PID 1 began, by what it says of itself."""
        return time.clock_gettime(time.CLOCK_BOOTTIME) - self.began + self.of.age

    def make_image(self):
        of = self.of
        for path in ("/proc", "/dev", "/run", "/tmp", "/var/tmp", "/mnt", "/home", "/etc", "/usr",
                     "/opt/init", PROGRAMS, os.path.dirname(SAVER), of.user.home, of.workdir, *of.dirs):
            os.makedirs(self.image + path, exist_ok=True)
        for path in ("/tmp", "/var/tmp"):
            os.chmod(self.image + path, 0o1777)
        for link in ("bin", "sbin", "lib", "lib64"):
            os.symlink("usr/" + link, f"{self.image}/{link}")
        os.symlink("/usr/bin/dash", f"{self.image}/opt/init/{of.init}")
        files = {"/etc/passwd": "root:x:0:0::/root:/bin/sh\n", "/etc/hosts": "127.0.0.1 localhost\n", **of.files}
        if of.user.uid:
            files["/etc/passwd"] += f"{of.user.name}:x:{of.user.uid}:{of.user.gid}::{of.user.home}:/bin/sh\n"
        for path, content in files.items():
            os.makedirs(os.path.dirname(self.image + path), exist_ok=True)
            with open(self.image + path, "w") as f:
                f.write(content)
        os.chown(self.image + of.user.home, of.user.uid, of.user.gid)

    def script(self):
        of = self.of
        lines = ["set -e; PATH=/usr/sbin:/usr/bin:/sbin:/bin", BEGIN.format(boot_id=self.boot_id)]
        for source, target in (("/usr", "usr"), (BIN, PROGRAMS[1:]), (SUPPORT, os.path.dirname(SAVER)[1:])):
            lines.append(read_only(shlex.quote(source), target))
        if of.gpu:
            lines.append("mknod -m 666 dev/nvidiactl c 195 255")
        lines.append(AGE)
        for source, target, fuse, writable in self.mounts:
            source, target = shlex.quote("/old" + source), shlex.quote(target)
            if fuse:
                lines.append(f"mkdir -p {target}; bindfs -o subtype={fuse},allow_other {source} {target}")
            elif writable:
                lines.append(f"mkdir -p {target}; mount --bind {source} {target}")
            else:
                lines.append(read_only(source, target))
        env = " ".join(shlex.quote(f"{k}={v}") for k, v in self.env.items())
        # PID 1 reaps, and ends when the test does.
        lines += ["umount -l /old; rmdir /old; echo ready", f"cd {shlex.quote(of.workdir)}",
                  f"exec env -i {env} /opt/init/{of.init} -c 'cat; :' >/dev/null 2>&1"]
        return "\n".join(lines)

    def start_vm(self):
        self.errors = open(self.root + "/errors", "w+")
        point = self.root + "/point"
        os.mkdir(point)
        self.unshare = subprocess.Popen(
            [*UNSHARE, "--boottime", str(SINCE_BOOT + self.of.age), "sh", "-c", self.script(), "sh",
             point, self.image, str(self.of.age * TICKS), self.of.init],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.pid1 = int(self.unshare.stdout.readline() or 0)
        if self.unshare.stdout.readline() != "ready\n":
            self.unshare.wait()
            self.errors.seek(0)
            raise AssertionError(f"the VM of {self.of.platform} did not start: {self.errors.read()}")
        wait_until(lambda: b"/opt/init/" in self.of_pid1("cmdline").split(b"\0")[0], "PID 1 is what it shall be")
        with open(f"/proc/{self.pid1}/stat") as f:
            self.began = int(f.read().rsplit(")", 1)[1].split()[19]) / TICKS
        self.enter = [shutil.which("nsenter"), "--target", str(self.pid1), "--mount", "--uts", "--ipc", "--net",
                      "--pid", "--cgroup", "--time", "--wd",
                      "--setuid", str(self.of.user.uid), "--setgid", str(self.of.user.gid)]

    def of_pid1(self, name):
        with open(f"/proc/{self.pid1}/{name}", "rb") as f:
            return f.read()

    def popen(self, *args, **more):
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        more.setdefault("env", self.env)
        if self.asked is None:
            self.asked = self.age()
        return subprocess.Popen([*self.enter, self.bin + "/gpujob", *args], stdin=subprocess.DEVNULL, **more)

    def processes(self):
        return [self.pid1] if self.unshare.poll() is None else []

    def vanish(self, keep_state=False):
        """The end of PID 1 is everybody's."""
        if self.processes():
            os.kill(self.pid1, signal.SIGKILL)
        self.unshare.communicate()
        self.errors.close()
        shutil.rmtree(self.root, ignore_errors=True)


class Lab(Case):
    """VMs of one account: what they keep is in `storage`, a directory for each place."""

    def setUp(self):
        super().setUp()
        probe = subprocess.run([*UNSHARE, "--boottime", "1", "true"], capture_output=True, check=False)
        if probe.returncode != 0:
            self.skipTest("unshare: " + probe.stderr.decode().strip() + ": needs CAP_SYS_ADMIN")

    def storage(self, of, at):
        path = self.path("storage") + at.replace("/", "-").replace(" ", "-")
        kept = next((k for k in of.kept if k.at == at), None)
        if not os.path.isdir(path):
            os.makedirs(path)
            for name in kept.holds if kept else ():
                os.mkdir(f"{path}/{name}")
            for each in (path, *(f"{path}/{n}" for n in os.listdir(path))):
                os.chown(each, of.user.uid, of.user.gid)
        return path

    def boot(self, of, name="first", later=False, extra=(), **more):
        """A VM with its storage mounted; `later`: one that comes after another. `extra` mounts are
        like those of Vm."""
        if any(k.fuse for k in of.kept):
            self.need_fuse()
        mounts = [(self.storage(of, k.at), k.at, k.fuse, True) for k in of.kept if not (later and k.later)]
        for kept in of.kept if later else ():
            if kept.later:
                fresh = self.path(name + "-fresh")
                os.mkdir(fresh)
                mounts += [(fresh, kept.at, "", True), (self.storage(of, kept.at), kept.later, "", False)]
        vm = Vm(self.root, name, of, [*mounts, *extra], **more)
        self.machines.append(vm)
        return vm

    def need_fuse(self):
        if not shutil.which("bindfs"):
            self.skipTest("bindfs: is not installed: no FUSE mount can stand in for Drive")
        try:
            os.close(os.open("/dev/fuse", os.O_RDWR))
        except OSError as e:
            self.skipTest(f"{e}: no FUSE mount can stand in for Drive")
