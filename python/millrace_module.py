"""Makes a Millrace module of a function. One file, no dependencies, Python 3.8 and newer.
Name the package `millrace-module` in requirements.txt, or copy this file next to main.py.

    from millrace_module import module

    @module
    def main(inputs, task):
        task.progress(10, "counting")
        return {"words": len(inputs["text"].split())}

    if __name__ == "__main__":
        main.start()

`inputs` has every input that module.json declares: files as absolute paths, whole numbers as `int`, defaults
where nothing was given, else `None`. What is returned are the outputs; files as paths in `task.output_dir`.
"""

import argparse
import contextlib
import io
import json
import math
import os
import queue
import sys
import tempfile
import threading
import traceback

__all__ = ["Cancelled", "InvalidInput", "TimedOut", "module"]

__version__ = "0.2.0"
PROTOCOL = 1  # of the agent's calls and of serve mode

LARGEST_LINE = 256 * 1024  # bytes; a longer result goes into result.json


class InvalidInput(Exception):
    """The input can never work: trying again is of no use. Other errors may have `retry_possible` as well."""

    retry_possible = False


class TimedOut(Exception):
    """The module noticed itself that it takes too long."""


class Cancelled(BaseException):
    """The task was cancelled. Not an `Exception`: `except Exception` shall not swallow it."""


class BadOutput(Exception):
    """What the function returned cannot be written as JSON."""

    retry_possible = False


class TestFailed(Exception):
    """The outputs of the test are not those that test_data.json expects."""

    retry_possible = False


def module(function):
    """Makes a module of `function(inputs, task)`, which returns its outputs as a dict."""
    return Module(function)


class Module:
    """Has three decorators, none of which is needed: `load`, `setup` and `check`."""

    def __init__(self, function):
        self.function = function
        self.folder = os.path.dirname(os.path.abspath(function.__code__.co_filename))
        self._load = self._setup = None
        self._check = check_equal

    def __call__(self, inputs, task):
        return self.function(inputs, task)

    def load(self, function):
        """`function()` loads what many tasks share, once per process, as `task.loaded`."""
        self._load = function
        return function

    def setup(self, function):
        """`function(cache_dir)` is run once after installation, when module.json lists the mode `setup`."""
        self._setup = function
        return function

    def check(self, function):
        """`function(outputs, task)` raises when the test's outputs are wrong; see `task.expected`."""
        self._check = function
        return function

    def start(self):
        """Does what the command line says. Exits: 0 done, 1 failed, 2 for good, 3 too slow, 130 cancelled."""
        options = self._arguments()
        channel = Channel()
        try:
            code = getattr(self, "_start_" + options.mode)(options, channel)
        except KeyboardInterrupt:
            code = 130
        sys.exit(code)

    def _arguments(self):
        modes = ["run", "test", "serve"] + (["setup"] if self._setup else [])
        parser = argparse.ArgumentParser(description=self.function.__doc__)
        parser.add_argument("--mode", choices=modes, required=True)
        parser.add_argument("--input_file")
        parser.add_argument("--task_id")
        options = parser.parse_args()
        if options.mode in ("run", "test") and not options.input_file:
            parser.error("--input_file is needed to " + options.mode)
        return options

    def _start_setup(self, options, channel):
        def work():
            self._setup(cache_dir())

        return self._once(channel, work)

    def _start_run(self, options, channel):
        cancel = threading.Event()
        channel.listen(lambda message: message.get("type") == "cancel" and cancel.set())

        def work():
            task = Task(self.folder, options.input_file, RunVoice(channel), cancel)
            task.loaded = self._load and self._load()
            outputs = self._outputs(task)
            if options.mode == "test":
                self._check(outputs, task)
            return task.keep({"status": "success", "outputs": outputs})

        return self._once(channel, work)

    _start_test = _start_run

    def _outputs(self, task):
        task.raise_if_cancelled()
        outputs = plain(self.function(task.inputs, task))
        if not isinstance(outputs, dict):
            raise BadOutput("%s must return its outputs as a dict" % self.function.__name__)
        return outputs

    def _once(self, channel, work):
        """Prints as the last line what `work` returns, or how it failed; returns the exit code."""
        with channel.prints_go_to(channel.line):
            error, result = attempt(work)
        if result is not None or error:
            channel.send({"status": "error", "error": error.description} if error else result)
        return error.exit_code if error else 0

    def _start_serve(self, options, channel):
        error, loaded = attempt(self._load or (lambda: None))
        if error:
            print("cannot load: " + error.description["message"], file=sys.stderr)
            return error.exit_code
        tasks = queue.Queue()
        cancels = {}

        def hear(message):
            kind, task_id = message.get("type"), message.get("id")
            if kind == "run":
                cancels[task_id] = threading.Event()
                tasks.put((task_id, message.get("input_file"), cancels[task_id]))
            elif kind == "cancel" and task_id in cancels:
                cancels[task_id].set()
            elif kind == "ping":
                channel.send({"type": "pong"})
            elif kind == "shutdown":
                tasks.put(None)

        # What was begun is finished: who wants it to end at once cancels it.
        channel.listen(hear, lambda: tasks.put(None))
        channel.send({"type": "ready", "protocol": PROTOCOL})
        for task_id, input_file, cancel in iter(tasks.get, None):
            self._serve_one(channel, task_id, input_file, cancel, loaded)
            cancels.pop(task_id, None)
        return 0

    def _serve_one(self, channel, task_id, input_file, cancel, loaded):
        voice = ServeVoice(channel, task_id)

        def work():
            task = Task(self.folder, input_file, voice, cancel)
            task.loaded = loaded
            result = {"status": "success", "outputs": self._outputs(task)}
            return task.keep(result) or {"status": "success"}

        with channel.prints_go_to(voice.line):
            error, result = attempt(work)
        if error and error.exit_code == 130:
            voice.send("cancelled")
        elif error:
            voice.send("failed", error=error.description)
        else:
            voice.send("done", result=result)


class Task:
    """One task: its inputs, its output folder, and the channel to the agent."""

    def __init__(self, folder, input_file, voice, cancel):
        with open(input_file, encoding="utf-8-sig") as file:
            given = json.load(file)
        with open(os.path.join(folder, "module.json"), encoding="utf-8-sig") as file:
            ports = json.load(file).get("inputs", [])
        self.id = given.get("task_id")
        self.files = given.get("files", {})
        self.expected = given.get("expected", {})
        self.loaded = None
        self.cache_dir = cache_dir()
        # None when it is run by hand.
        self._wanted_dir = given.get("output_dir")
        self.output_dir = self._wanted_dir or tempfile.mkdtemp(prefix="millrace-")
        self.inputs = typed(given.get("inputs", {}), ports, os.path.dirname(os.path.abspath(input_file)))
        self._voice = voice
        self._cancel = cancel

    @property
    def cancelled(self):
        return self._cancel.is_set()

    def raise_if_cancelled(self):
        """Raises `Cancelled` when the task was cancelled. `progress` and `sleep` do so, too."""
        if self.cancelled:
            raise Cancelled()

    def sleep(self, seconds):
        self._cancel.wait(seconds)
        self.raise_if_cancelled()

    def progress(self, percent, message=""):
        self.raise_if_cancelled()
        self._voice.progress(round(min(100, max(0, percent)), 1), message)

    def log(self, *words):
        """A line of log. `print` does the same."""
        for line in " ".join(str(word) for word in words).splitlines():
            self._voice.line(line)

    def output(self, name):
        """The path of a file in the output folder."""
        return os.path.join(self.output_dir, name)

    def keep(self, result):
        """Gives the result back, or puts it into result.json when it is long."""
        text = json.dumps(result)
        if len(text) <= LARGEST_LINE or not self._wanted_dir:
            return result
        if os.path.exists(self.output("result.json")):
            raise BadOutput("result.json is needed for the long result: give your file of that name another one")
        with open(self.output("result.json.part"), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(self.output("result.json.part"), self.output("result.json"))
        return None


def cache_dir():
    """The folder that the module keeps between runs."""
    return os.environ.get("MILLRACE_CACHE_DIR") or os.path.join(tempfile.gettempdir(), "millrace-cache")


def typed(given, ports, base):
    """Inputs as module.json declares them; `base` is what relative paths are relative to."""

    def one(port, value):
        if port.get("type") in ("file", "file_path"):
            return os.path.join(base, value)
        return int(value) if port.get("integer") else value

    inputs = dict(given)
    for port in ports:
        value = given.get(port["key"])
        if value is None:
            value = port.get("default")
        many = port.get("multiple") and value is not None
        inputs[port["key"]] = (
            [one(port, item) for item in value] if many else None if value is None else one(port, value)
        )
    return inputs


def plain(value, place="outputs"):
    """The value as JSON can hold it; numpy's numbers and arrays too. Refuses NaN and says where it stands."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, str):
        return whole(value, place)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadOutput("%s is %r: JSON has no such number" % (place, float(value)))
        return float(value)
    if isinstance(value, dict):
        return {whole(str(key), place): plain(item, "%s.%s" % (place, key)) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, "%s[%d]" % (place, at)) for at, item in enumerate(value)]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist(), place)
    raise BadOutput("%s is a %s, which JSON cannot hold" % (place, type(value).__name__))


def whole(text, place):
    """The text, unless it has what no UTF-8 can carry."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise BadOutput("%s has half a surrogate pair, which is no character" % place) from None
    return text


def check_equal(outputs, task):
    for key, wanted in task.expected.items():
        if outputs.get(key) != wanted:
            raise TestFailed("expected %s to be %r, got %r" % (key, wanted, outputs.get(key)))


class Failure:
    """How a task failed: for the result, and as an exit code."""

    def __init__(self, error, retry_possible, exit_code=None):
        self.description = {
            "type": type(error).__name__,
            "message": str(error) or type(error).__name__,
            "retry_possible": retry_possible,
        }
        self.exit_code = exit_code or (1 if retry_possible else 2)


def attempt(work):
    """`(None, what work returned)`, or `(Failure, None)`."""
    try:
        return None, work()
    except Cancelled as error:
        return Failure(error, True, 130), None
    except TimedOut as error:
        return Failure(error, True, 3), None
    except SystemExit as error:
        return Failure(error, error.code != 2), None
    except Exception as error:
        retry_possible = getattr(error, "retry_possible", None)
        if retry_possible is None:
            traceback.print_exc()
        return Failure(error, retry_possible is not False), None


class Channel:
    """
    The agent's end of standard input and output. Both are taken away from everybody else: a child or library
    that reads must not eat the line that cancels, and one that prints must not break a line of ours.
    """

    def __init__(self):
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._lock = threading.Lock()

    def send(self, message):
        self.line(json.dumps(message, allow_nan=False))

    def line(self, text):
        with self._lock:
            try:
                self._out.write(text.encode("utf-8", "replace") + b"\n")
                self._out.flush()
            except OSError:
                # No program reads it; an exception or a clean-up would only print again.
                os._exit(1)

    @contextlib.contextmanager
    def prints_go_to(self, line):
        before, sys.stdout = sys.stdout, Lines(line)
        try:
            yield
        finally:
            sys.stdout.end()
            sys.stdout = before

    def listen(self, hear, hung_up=lambda: None):
        """Calls `hear` with each message, and `hung_up` at the end of input, from a separate thread."""
        try:
            control = os.dup(0)
        except OSError:  # started without standard input
            return hung_up()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)

        def follow():
            # Not a file object: one that a daemon thread waits in turns the exit of Python into an abort.
            rest = b""
            for chunk in iter(lambda: read(control), b""):
                *lines, rest = (rest + chunk).split(b"\n")
                for message in filter(None, map(parse, lines)):
                    hear(message)
            hung_up()

        threading.Thread(target=follow, daemon=True).start()


def read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


def parse(line):
    """The message in a line, or None."""
    try:
        message = json.loads(line)
    except ValueError:
        return None
    return message if isinstance(message, dict) else None


class Lines(io.TextIOBase):
    """What Python prints to, as whole lines."""

    encoding = "utf-8"

    def __init__(self, line):
        self._line = line
        self._rest = ""
        self._lock = threading.Lock()

    def write(self, text):
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._line(line)
        return len(text)

    def end(self):
        if self._rest:
            self.write("\n")

    def writable(self):
        return True

    def fileno(self):
        return 1

    @property
    def buffer(self):
        return sys.__stdout__.buffer


class RunVoice:
    """How a task in a separate process is heard."""

    def __init__(self, channel):
        self._channel = channel
        self.line = channel.line

    def progress(self, percent, message):
        self._channel.send({"event": "progress", "percent": percent, "message": message})


class ServeVoice:
    """How one of many tasks of a process is heard."""

    def __init__(self, channel, task_id):
        self._channel = channel
        self._id = task_id

    def send(self, kind, **more):
        self._channel.send(dict({"type": kind, "id": self._id}, **more))

    def line(self, text):
        self.send("log", line=text)

    def progress(self, percent, message):
        self.send("progress", percent=percent, message=message)
