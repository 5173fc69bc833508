// SPDX-License-Identifier: Apache-2.0
#include "client/bench/torch_script.h"

namespace gpujob::client {

const char* const k_torch_script = R"python(
import sys
# With -c the current directory comes first, and in it may lie a torch.py of the user's.
sys.path = [folder for folder in sys.path if folder]
import json
import statistics
import time

N = 800


def timed(multiply, settle, enough, most):
    done, launched = [], []
    end = time.perf_counter() + enough
    while len(done) < 3 or (len(done) < most and time.perf_counter() < end):
        settle()
        before = time.perf_counter()
        product = multiply()
        back = time.perf_counter()
        settle()
        done.append(time.perf_counter() - before)
        launched.append(back - before)
    return {"best_s": min(done), "median_s": statistics.median(done), "runs": len(done),
            "launch_s": statistics.median(launched)}


def measured(torch, device, settle, warm_up, enough, most):
    a = torch.rand(N, N).to(device)
    b = torch.rand(N, N).to(device)
    for _ in range(warm_up):  # the first call starts threads, loads kernels, allocates
        torch.matmul(a, b)
    return timed(lambda: torch.matmul(a, b), settle, enough, most)


def on_gpu(torch, index):
    device = "cuda:%d" % index
    answer = {"name": device}
    try:
        answer["name"] = torch.cuda.get_device_name(index)
        answer.update(measured(torch, device, lambda: torch.cuda.synchronize(index), 3, 0.5, 200))
    except Exception as e:
        answer["failed"] = "%s: %s" % (type(e).__name__, e)
    return answer


def answer():
    try:
        import torch
    except Exception as e:
        if isinstance(e, ModuleNotFoundError) and e.name == "torch":
            return {"no_torch": ""}
        return {"no_torch": "%s: %s" % (type(e).__name__, e)}
    try:
        # Older versions calculate with 10 bits of the 23 on some GPUs unless told not to.
        torch.backends.cuda.matmul.allow_tf32 = False
    except AttributeError:
        pass
    cpu = measured(torch, "cpu", lambda: None, 1, 1.0, 100)
    cpu["threads"] = torch.get_num_threads()
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return {"torch": str(torch.__version__), "cpu": cpu,
            "gpus": [on_gpu(torch, index) for index in range(gpus)]}


print("\n" + json.dumps(answer()))
)python";

} // namespace gpujob::client
