"""Counts characters, words and lines of a text.

    python main.py --mode run --task_id ID --input_file FILE
    python main.py --mode test --input_file test_data.json
"""

import json
import sys


def main(args):
    # Importing argparse would take longer than the whole work.
    options = dict(zip(args[::2], args[1::2]))
    if options.get("--mode") not in ("run", "test") or "--input_file" not in options:
        return fail("UsageError", "usage: main.py --mode run|test --input_file FILE [--task_id ID]")
    with open(options["--input_file"], encoding="utf-8") as file:
        text = json.load(file).get("inputs", {}).get("text")
    if not isinstance(text, str):
        return fail("InvalidInput", 'input "text" must be a text')
    print(json.dumps({"status": "success", "outputs": count(text)}))
    return 0


def count(text):
    return {
        "characters": len(text),
        "words": len(text.split()),
        "lines": len(text.splitlines()),
    }


def fail(kind, message):
    error = {"type": kind, "message": message, "retry_possible": False}
    print(json.dumps({"status": "error", "error": error}))
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
