"""Says what the GPU of this run is and whether it computes; may hold memory on it for a while.

    python main.py --mode test --input_file test_data.json

It uses PyTorch where its environment has it: see requirements.txt.
"""

import time

from millrace_module import module

SIDE = 1024  # of the matrices that are multiplied
MIB = 1024 * 1024


@module
def main(inputs, task):
    """Says what the GPU of this run is and whether it computes."""
    task.progress(0, "looking for a GPU")
    torch, reason = task.loaded
    if reason:
        return {"available": False, "reason": reason}
    task.progress(20, "computing")
    milliseconds = multiply(torch)
    held = torch.empty(inputs["allocate_mb"] * MIB, dtype=torch.uint8, device="cuda")
    held.fill_(1)  # untouched memory may not be allocated yet
    torch.cuda.synchronize()
    task.progress(50, "holding %d MiB" % inputs["allocate_mb"])
    task.sleep(inputs["hold_seconds"])
    return {
        "available": True,
        "device": description(torch),
        "kernel_milliseconds": round(milliseconds, 3),
        "allocated_mb": held.numel() // MIB,
    }


@main.load
def load():
    """PyTorch, and the reason if no GPU can be used."""
    try:
        import torch
    except ImportError as error:
        return None, "PyTorch is not installed in this module's environment: %s" % error
    if not torch.cuda.is_available():
        return torch, "PyTorch %s sees no CUDA device" % torch.__version__
    return torch, None


def multiply(torch):
    """The milliseconds of a matrix product whose result is known."""
    ones = torch.ones(SIDE, SIDE, device="cuda")
    ones @ ones  # the first one also loads the library
    torch.cuda.synchronize()
    begun = time.perf_counter()
    product = ones @ ones
    torch.cuda.synchronize()
    milliseconds = 1000 * (time.perf_counter() - begun)
    if not bool((product == SIDE).all()):
        raise RuntimeError("the GPU computes wrongly: %s instead of %d" % (product.max().item(), SIDE))
    return milliseconds


def description(torch):
    found = torch.cuda.get_device_properties(0)
    free, total = torch.cuda.mem_get_info()
    return {
        "name": found.name,
        "compute_capability": "%d.%d" % (found.major, found.minor),
        "total_mb": total // MIB,
        "free_mb": free // MIB,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }


@main.check
def check(outputs, task):
    """A machine without a GPU passes, too: that is an answer."""
    if outputs["available"]:
        assert outputs["allocated_mb"] == task.inputs["allocate_mb"], "held %d MiB" % outputs["allocated_mb"]
    else:
        assert outputs["reason"], "no GPU, and no reason"


if __name__ == "__main__":
    main.start()
