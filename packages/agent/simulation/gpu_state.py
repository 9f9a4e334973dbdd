"""The memory of one simulated GPU: a file for each process that holds some, in MiB. Memory of dead processes is freed late."""

import json
import os
import time

TOTAL_MIB = 32 * 1024
LATE_SECONDS = 0.3


def hold(folder, mib, wants):
    """This process now holds `mib`, and will need `wants` in total."""
    path = os.path.join(folder, "holds", str(os.getpid()))
    with open(path + ".new", "w") as file:
        json.dump({"mib": mib, "wants": wants}, file)
    os.replace(path + ".new", path)
    used = sum(mib for _, mib, _ in holders(folder)) + foreign(folder)
    if used > TOTAL_MIB:
        with open(os.path.join(folder, "overcommitted"), "a") as file:
            file.write("%d MiB when %d took %d\n" % (used, os.getpid(), mib))


def holders(folder):
    """`(pid, MiB, alive)` of all processes whose memory is not free yet."""
    found = []
    for name in os.listdir(os.path.join(folder, "holds")):
        path = os.path.join(folder, "holds", name)
        try:
            with open(path) as file:
                mib = json.load(file)["mib"]
            if not name.isdigit():
                continue
            alive = lives(int(name))
            # The first look that finds it dead starts the clock.
            died = path + ".died"
            if not alive and not os.path.exists(died):
                with open(died, "w") as file:
                    json.dump({"mib": 0}, file)
            if not alive and time.time() - os.path.getmtime(died) > LATE_SECONDS:
                os.remove(path)
                continue
            found.append((int(name), mib, alive))
        except (FileNotFoundError, ValueError):
            continue  # freed, or being written, in between
    return found


def foreign(folder):
    try:
        with open(os.path.join(folder, "foreign")) as file:
            return int(file.read() or 0)
    except FileNotFoundError:
        return 0


def lives(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return False
