"""Stands in for programs that were never written for Millrace: one JSON object in, one JSON object out."""

import json
import os
import signal
import subprocess
import sys
import time
import traceback


def answer(**what):
    print(json.dumps(what))


def interrupted(*_):
    print("asked to stop", flush=True)
    sys.exit(130)


def work(task):
    params = task["params"]
    deed = params.get("do")
    if deed == "sleep":
        print("at work", flush=True)
        time.sleep(params["seconds"])
    elif deed == "ignore-sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
        print("not listening", flush=True)
        time.sleep(600)
    elif deed == "raise":
        raise ValueError("no such page")
    elif deed == "exit":
        print("leaving", file=sys.stderr)
        sys.exit(params["code"])
    elif deed == "fail":
        answer(success=False, error={"type": "Quota", "message": "come back later", **params["error"]})
        sys.exit(params.get("code", 1))
    elif deed == "flood":
        for n in range(75_000):
            print(f"{n} {'x' * 90}")
        return "y" * 300_000
    elif deed == "too-long":
        return "z" * 2_000_000
    return {
        "task": task,
        "argv": sys.argv[1:],
        "cwd": os.getcwd(),
        "env": dict(os.environ),
        "marker": params.get("marker"),
    }


def main():
    signal.signal(signal.SIGTERM, interrupted)
    task = json.loads(sys.stdin.read())
    print("connecting …")
    print(json.dumps({"status": "connected"}))
    print("a warning", file=sys.stderr)
    try:
        result = work(task)
    except ValueError as error:
        what = {"type": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
        answer(success=False, error=what)
        sys.exit(1)
    answer(success=True, result=result, logs=[{"level": "INFO", "message": "3 pages"}])
    print(json.dumps({"status": "connection closed"}))


if __name__ == "__main__":
    main()
