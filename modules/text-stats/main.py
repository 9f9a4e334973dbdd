"""Counts characters, words and lines of a text.

    python main.py --mode run --task_id ID --input_file FILE
    python main.py --mode test --input_file test_data.json
    python main.py --mode serve
"""

import json
import sys


def main(args):
    # Importing argparse would take longer than the whole work.
    options = dict(zip(args[::2], args[1::2]))
    mode = options.get("--mode")
    if mode == "serve":
        return serve()
    if mode not in ("run", "test") or "--input_file" not in options:
        return usage()
    result = read_and_count(options["--input_file"])
    print(json.dumps(result))
    return 0 if result["status"] == "success" else 2


def serve():
    """Takes one task after another from standard input, until that ends. A task is over before it can be cancelled."""
    say(type="ready")
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "run":
            say(type="done", id=message["id"], result=read_and_count(message["input_file"]))
        elif message["type"] == "ping":
            say(type="pong")
        elif message["type"] == "shutdown":
            break
    return 0


def say(**message):
    print(json.dumps(message), flush=True)


def read_and_count(input_file):
    with open(input_file, encoding="utf-8-sig") as file:
        text = json.load(file).get("inputs", {}).get("text")
    if not isinstance(text, str):
        return failure("InvalidInput", 'input "text" must be a text')
    return {"status": "success", "outputs": count(text)}


def count(text):
    return {
        "characters": len(text),
        "words": len(text.split()),
        "lines": len(text.splitlines()),
    }


def failure(kind, message):
    return {"status": "error", "error": {"type": kind, "message": message, "retry_possible": False}}


def usage():
    words = "usage: main.py --mode run|test --input_file FILE [--task_id ID], or --mode serve"
    print(json.dumps(failure("UsageError", words)))
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
