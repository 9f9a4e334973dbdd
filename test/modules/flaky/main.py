"""Fails the requested number of times per task; then returns the number of attempts."""

import json
import os
import sys

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with open(options["--input_file"], encoding="utf-8") as file:
    given = json.load(file)

if options["--mode"] == "test":
    print(json.dumps({"status": "success", "outputs": {"tries": 1}}))
    sys.exit(0)

count_file = os.path.join(os.environ["MILLRACE_CACHE_DIR"], given["task_id"])
with open(count_file, "a", encoding="utf-8") as file:
    file.write(".")
tries = os.path.getsize(count_file)
if tries <= (given["inputs"]["failures"] or 0):
    error = {"type": "NotYet", "message": f"try {tries} fails", "retry_possible": True}
    print(json.dumps({"status": "error", "error": error}))
    sys.exit(1)
print(json.dumps({"status": "success", "outputs": {"tries": tries}}))
