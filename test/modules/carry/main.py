"""Carries a file from its input to its output, and talks for most of a second."""

import json
import os
import shutil
import sys
import time

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with open(options["--input_file"], encoding="utf-8") as file:
    task = json.load(file)
for n in range(8):
    print("word %d of 8" % (n + 1), flush=True)
    time.sleep(0.1)
load = task["inputs"]["load"]
shutil.copyfile(load, os.path.join(task["output_dir"], "load.bin"))
outputs = {"load": "load.bin", "bytes": os.path.getsize(load)}
print(json.dumps({"status": "success", "outputs": outputs}), flush=True)
