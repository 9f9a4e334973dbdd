"""A module in serve mode that uses a simulated GPU as its size.json says."""

import json
import os
import sys
import time

here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "size.json"), encoding="utf-8") as file:
    size = json.load(file)
sys.path.insert(0, size["code"])
import gpu_state

folder, whole = size["gpu"], size["mib"]
early = int(whole * (1 - size["late"]))


def say(**message):
    print(json.dumps(message), flush=True)


gpu_state.hold(folder, 0, whole)
time.sleep(size["load_seconds"] / 2)
gpu_state.hold(folder, early // 2, whole)
time.sleep(size["load_seconds"] / 2)
gpu_state.hold(folder, early, whole)
say(type="ready")
for line in iter(sys.stdin.readline, ""):
    message = json.loads(line)
    if message["type"] == "ping":
        say(type="pong")
    elif message["type"] == "shutdown":
        break
    elif message["type"] == "run":
        with open(message["input_file"], encoding="utf-8") as file:
            seconds = json.load(file)["inputs"]["seconds"]
        time.sleep(seconds / 3)
        gpu_state.hold(folder, whole, whole)
        time.sleep(seconds * 2 / 3)
        say(type="done", id=message["id"], result={"status": "success", "outputs": {}})
