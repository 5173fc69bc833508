#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The room rules of daemon/ARCHITECTURE.md, as a test.

check.py ROOT        every broken rule on one line; exit 1 when there is one
check.py --self-test plants one break of every rule and holds that each is found
"""
import re
import sys
import tempfile
from pathlib import Path

EDGES = {"platform", "jobs", "store", "durable", "ipc", "gpu", "net"}
BELOW = {"common", "policy", "process"}

# Which rooms a room may include, itself apart. `app` is daemon/*.cpp and daemon/*.h.
MAY_INCLUDE = {
    "schema": set(),
    "common": set(),
    "policy": {"common"},
    "process": {"common"},
    "shim": {"common"},
    "simulate": {"common", "policy"},
    "client": {"common", "schema"},
    "app": BELOW | EDGES | {"schema", "simulate"},
    **{edge: BELOW | {"schema"} for edge in EDGES},
}

# A library's header → the only rooms that may include it.
ONLY_IN = [
    (re.compile(r"sqlite3(ext)?\.h"), {"store"}, "SQLite is the store's"),
    (re.compile(r"dlfcn\.h"), {"gpu", "app"}, "libraries are opened by gpujob-gpuprobe (and by none of the static ones)"),
    (re.compile(r"boost/process.*"), {"process"}, "starting programs is the process room's"),
    (re.compile(r"boost/asio.*"), {"process", "app"} | EDGES, "no loop here"),
]

# A library's header → the only folder whose files may include it.
ONLY_UNDER = [
    (re.compile(r"n?curses\.h|term\.h"), "client/top/", "the terminal is drawn on by gpujob top"),
]

# policy/ is pure: nothing in it reads a clock, the environment or a file, or speaks JSON or SQL.
POLICY_HEADERS = re.compile(
    r"boost/.*|nlohmann/.*|sqlite3.*|fstream|iostream|filesystem|thread|mutex|atomic|random|ctime"
    r"|time\.h|stdlib\.h|unistd\.h|fcntl\.h|sys/.*|linux/.*"
    r"|common/(clock|json|file|fd|frame|socket|proc|cmdline|log|base64)\.h")
POLICY_WORDS = re.compile(
    r"\b(clock_gettime|gettimeofday|system_clock|steady_clock|high_resolution_clock|read_clocks"
    r"|getenv|secure_getenv|setenv|environ|nlohmann|sqlite3\w*|(?<!\.)(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&)"
    r"|boost::(?!system::result))")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)


def room_of(path):
    """The room of a source path or of a quoted include; None: none of ours."""
    parts = Path(path).parts
    if not parts or parts[0] not in {"common", "client", "schema", "daemon", "tests"}:
        return None
    if parts[0] != "daemon":
        return parts[0]
    return parts[1] if len(parts) > 2 else "app"


def check_include(room, file, quoted, angled):
    if room == "policy" and POLICY_HEADERS.fullmatch(quoted or angled):
        yield f"policy is pure and may not include {quoted or angled}"
    for pattern, rooms, why in ONLY_IN:
        if pattern.fullmatch(quoted or angled) and room not in rooms:
            yield f"{room} may not include {quoted or angled}: {why}"
    for pattern, folder, why in ONLY_UNDER:
        if pattern.fullmatch(quoted or angled) and not str(file).startswith(folder):
            yield f"{file} may not include {quoted or angled}: {why}"
    if not quoted:
        return
    target = room_of(quoted)
    if target is None:
        yield f'"{quoted}": write includes of ours from the top, "room/file.h"'
    elif target == room:
        if room == "app" and Path(quoted).stem == "main":
            yield "nothing includes main"
    elif target not in MAY_INCLUDE.get(room, set()):
        yield f'{room} may not include "{quoted}" of {target}'


def check_file(root, file):
    name = file.relative_to(root)
    room = room_of(name)
    text = file.read_text(encoding="utf-8", errors="replace")
    if room not in MAY_INCLUDE:
        yield name, 1, f"{room} is a room without a rule: add it to ARCHITECTURE.md and to this test"
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            for broken in check_include(room, name, match[1], match[2]):
                yield name, number, broken
    if room == "policy":
        # Blanked, not removed: the line numbers stay.
        code = COMMENT_OR_STRING.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        for number, line in enumerate(code.splitlines(), 1):
            match = POLICY_WORDS.search(line)
            if match:
                yield name, number, f"policy is pure and may not use {match[0].strip()}"


def check_tree(root):
    files = sorted(f for top in ("common", "daemon", "client", "schema")
                   for f in (root / top).rglob("*") if f.suffix in {".h", ".cpp", ".hpp", ".cc"})
    return len(files), [broken for f in files for broken in check_file(root, f)]


GOOD = {
    "common/text.h": "#include <string>\n",
    "daemon/policy/lead.cpp": '#include "daemon/policy/lead.h"\n#include "common/time.h"\n'
                              "// never calls getenv(): a comment may say so\n"
                              'const char* k = "steady_clock";\n',
    "daemon/jobs/link.cpp": '#include "common/frame.h"\n#include "daemon/policy/event.h"\n'
                            "#include <boost/asio/io_context.hpp>\n",
    "daemon/store/store.cpp": "#include <sqlite3.h>\n",
    "daemon/process/spawn.cpp": "#include <boost/process/child.hpp>\n",
    "daemon/gpu/probe/nvml.cpp": '#include <dlfcn.h>\n#include "common/text.h"\n',
    "daemon/app.cpp": '#include "daemon/jobs/link.h"\n#include "daemon/store/store.h"\n',
    "daemon/main.cpp": '#include "daemon/app.h"\n',
    "client/top/screen.cpp": "#include <curses.h>\n",
    "client/main.cpp": '#include "client/options.h"\n#include "common/text.h"\n',
}
BAD = [
    ("common/a.cpp", '#include "daemon/policy/world.h"\n'),
    ("common/a.cpp", "#include <boost/asio/io_context.hpp>\n"),
    ("common/a.cpp", "#include <sqlite3.h>\n"),
    ("client/a.cpp", "#include <dlfcn.h>\n"),
    ("client/commands/a.cpp", "#include <curses.h>\n"),
    ("daemon/platform/a.cpp", "#include <dlfcn.h>\n"),
    ("daemon/gpu/probe/a.cpp", '#include "daemon/platform/facts.h"\n'),
    ("daemon/jobs/a.cpp", '#include "daemon/store/store.h"\n'),
    ("daemon/ipc/handlers/a.cpp", '#include "daemon/app.h"\n'),
    ("daemon/durable/a.cpp", "#include <boost/process.hpp>\n"),
    ("daemon/process/a.cpp", '#include "daemon/policy/world.h"\n'),
    ("daemon/shim/a.cpp", '#include "daemon/process/spawn.h"\n'),
    ("daemon/shim/a.cpp", "#include <boost/asio.hpp>\n"),
    ("client/a.cpp", '#include "daemon/jobs/link.h"\n'),
    ("daemon/app.cpp", '#include "daemon/main.h"\n'),
    ("daemon/simulate/a.cpp", '#include "daemon/store/store.h"\n'),
    ("daemon/policy/a.cpp", '#include "daemon/simulate/run.h"\n'),
    ("daemon/app.cpp", '#include "client/options.h"\n'),
    ("daemon/app.cpp", '  #  include "../common/text.h"\n'),
    ("daemon/app.cpp", '#include "text.h"\n'),
    ("daemon/app.cpp", '#include "tests/support/wait.h"\n'),
    ("daemon/policy/a.cpp", '#include "daemon/jobs/link.h"\n'),
    ("daemon/policy/a.cpp", '#include "common/clock.h"\n'),
    ("daemon/policy/a.cpp", "#include <nlohmann/json.hpp>\n"),
    ("daemon/policy/a.cpp", "#include <boost/optional.hpp>\n"),
    ("daemon/policy/a.cpp", "#include <sqlite3.h>\n"),
    ("daemon/policy/a.cpp", "auto now = std::chrono::steady_clock::now();\n"),
    ("daemon/policy/a.cpp", "auto now = time(nullptr);\n"),
    ("daemon/policy/a.cpp", 'auto home = getenv("HOME");\n'),
    ("daemon/policy/a.cpp", "boost::asio::io_context loop;\n"),
    ("daemon/newroom/a.cpp", "#include <string>\n"),
]


def plant(root, files):
    for name, text in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def self_test():
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        plant(Path(folder), GOOD.items())
        for broken in check_tree(Path(folder))[1]:
            print("wrongly found:", *broken)
            failures += 1
    for name, text in BAD:
        with tempfile.TemporaryDirectory() as folder:
            plant(Path(folder), [(name, text)])
            if not check_tree(Path(folder))[1]:
                print(f"not found: {name}: {text.strip()}")
                failures += 1
    print(f"{len(BAD) + 1 - failures} of {len(BAD) + 1} cases right")
    return failures


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 1 if self_test() else 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    count, broken = check_tree(Path(sys.argv[1]))
    for name, number, text in broken:
        print(f"{name}:{number}: {text}")
    print(f"{count} files, {len(broken)} broken rules")
    # An empty tree is a wrong path, not a clean one.
    return 1 if broken or not count else 0


if __name__ == "__main__":
    sys.exit(main())
