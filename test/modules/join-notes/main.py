"""Joins what two other modules found; prints the id of the request that it all came with."""

import json
import os
import sys

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with open(options["--input_file"], encoding="utf-8") as file:
    inputs = json.load(file)["inputs"]
print("request", os.environ.get("MILLRACE_REQUEST_ID"))
notes = f"{inputs['faces']} frames with a face; heard: {inputs['speech']}"
print(json.dumps({"status": "success", "outputs": {"notes": notes}}))
