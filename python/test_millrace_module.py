"""Runs small modules as the agent does: as processes, over their standard input and output.

python3 -m unittest test_millrace_module
"""

import ast
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 30  # seconds

PORTS = [
    {"key": "text", "type": "text"},
    {"key": "photo", "type": "file", "required": False},
    {"key": "pages", "type": "file", "multiple": True, "required": False},
    {"key": "count", "type": "number", "integer": True, "required": False, "default": 2},
    {"key": "ratio", "type": "number", "required": False},
]


class ModuleCase(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.output_dir = self.path("output")
        os.mkdir(self.output_dir)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def write(self, source, given=None, **task):
        """A module with this source, and an input file with these inputs."""
        with open(self.path("main.py"), "w", encoding="utf-8") as file:
            file.write(
                "from millrace_module import *\nimport os, subprocess, sys\n" + textwrap.dedent(source)
            )
            file.write('\nif __name__ == "__main__":\n    main.start()\n')
        with open(self.path("module.json"), "w", encoding="utf-8") as file:
            json.dump({"name": "tried", "version": "1.0.0", "inputs": PORTS}, file)
        return self.input_file("input.json", given, **task)

    def input_file(self, name, inputs=None, **task):
        with open(self.path(name), "w", encoding="utf-8") as file:
            given = {"task_id": "tsk", "inputs": inputs or {}, "output_dir": self.output_dir}
            json.dump(dict(given, **task), file)
        return self.path(name)

    def start(self, *args):
        process = subprocess.Popen(
            [sys.executable, self.path("main.py"), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.output_dir,
            env=dict(
                os.environ, PYTHONPATH=HERE, PYTHONUNBUFFERED="1", MILLRACE_CACHE_DIR=self.path("cache")
            ),
            encoding="utf-8",
        )
        impatient = threading.Timer(PATIENCE, process.kill)
        impatient.start()
        self.addCleanup(self.stop, process, impatient)
        return process

    def stop(self, process, impatient):
        impatient.cancel()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                pipe.close()

    def end(self, process):
        # Not `communicate`: it does not know what `readline` has read ahead.
        with contextlib.suppress(OSError):
            process.stdin.close()
        out, err = process.stdout.read(), process.stderr.read()
        return process.wait(PATIENCE), out.splitlines(), err

    def run_once(self, source, given=None, mode="run", **task):
        input_file = self.write(source, given, **task)
        return self.end(self.start("--mode", mode, "--task_id", "tsk", "--input_file", input_file))

    def result(self, source, given=None, mode="run", **task):
        """The exit code and the last line of standard output."""
        code, lines, _ = self.run_once(source, given, mode, **task)
        return code, json.loads(lines[-1])

    def assertFails(self, source, code, kind, message, retry_possible):
        error = {"type": kind, "message": message, "retry_possible": retry_possible}
        self.assertEqual(self.result(source), (code, {"status": "error", "error": error}))


COUNT = """
@module
def main(inputs, task):
    return {"words": len(inputs["text"].split())}
"""


class Run(ModuleCase):
    def test_the_last_line_is_the_result(self):
        self.assertEqual(
            self.result(COUNT, {"text": "to be or not"}), (0, {"status": "success", "outputs": {"words": 4}})
        )

    def test_inputs_have_the_types_that_are_declared(self):
        source = """
        @module
        def main(inputs, task):
            kind = type(inputs["count"]).__name__
            return {"inputs": inputs, "integer": kind, "files": task.files, "id": task.id}
        """
        absolute = self.path("elsewhere", "b.png")
        given = {"text": "t", "photo": "a.png", "pages": ["p.png", absolute], "count": None, "extra": 1}
        code, result = self.result(source, given, files={"photo": {"size": 3}})
        self.assertEqual(code, 0)
        self.assertEqual(
            result["outputs"],
            {
                "inputs": {
                    "text": "t",
                    "photo": self.path("a.png"),
                    "pages": [self.path("p.png"), absolute],
                    "count": 2,
                    "ratio": None,
                    "extra": 1,
                },
                "integer": "int",
                "files": {"photo": {"size": 3}},
                "id": "tsk",
            },
        )

    def test_a_whole_number_that_came_as_2_point_0_is_an_int(self):
        source = "@module\ndef main(inputs, task):\n    return {'count': range(9)[inputs['count']]}"
        self.assertEqual(self.result(source, {"count": 5.0})[1]["outputs"], {"count": 5})

    def test_files_lie_in_the_output_folder(self):
        source = """
        @module
        def main(inputs, task):
            with open(task.output("note.txt"), "w") as file:
                file.write("here")
            return {"note": task.output("note.txt")}
        """
        _, result = self.result(source)
        self.assertEqual(result["outputs"], {"note": os.path.join(self.output_dir, "note.txt")})
        with open(result["outputs"]["note"]) as file:
            self.assertEqual(file.read(), "here")

    def test_by_hand_it_needs_no_output_folder(self):
        source = """
        @module
        def main(inputs, task):
            with open(task.output("note.txt"), "w"):
                return {"note": task.output("note.txt"), "long": "x" * 500000}
        """
        _, result = self.result(source, output_dir=None)
        note = result["outputs"]["note"]
        self.addCleanup(shutil.rmtree, os.path.dirname(note))
        self.assertTrue(os.path.isfile(note))
        self.assertEqual(len(result["outputs"]["long"]), 500000)

    def test_progress_log_and_print_are_lines_in_their_order(self):
        source = """
        @module
        def main(inputs, task):
            task.progress(-5, "begun")
            task.log("one", 2)
            print("half a line, ", end="")
            task.progress(33.3333)
            print("and its rest\\nmore")
            task.progress(120, "done")
            print("no end", end="")
            return {}
        """
        _, lines, _ = self.run_once(source)
        progress = lambda percent, message: {"event": "progress", "percent": percent, "message": message}
        self.assertEqual(
            [json.loads(line) if line.startswith("{") else line for line in lines],
            [
                progress(0, "begun"),
                "one 2",
                progress(33.3, ""),
                "half a line, and its rest",
                "more",
                progress(100, "done"),
                "no end",
                {"status": "success", "outputs": {}},
            ],
        )

    def test_a_long_result_goes_into_result_json(self):
        code, lines, _ = self.run_once("@module\ndef main(inputs, task):\n    return {'long': 'x' * 300000}")
        self.assertEqual((code, lines), (0, []))
        self.assertEqual(os.listdir(self.output_dir), ["result.json"])
        with open(os.path.join(self.output_dir, "result.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"status": "success", "outputs": {"long": "x" * 300000}})

    def test_a_long_result_does_not_overwrite_a_file_of_that_name(self):
        source = """
        @module
        def main(inputs, task):
            with open(task.output("result.json"), "w") as file:
                file.write("mine")
            return {"long": "x" * 300000, "file": task.output("result.json")}
        """
        code, result = self.result(source)
        self.assertEqual((code, result["error"]["type"]), (2, "BadOutput"))
        with open(os.path.join(self.output_dir, "result.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")

    def test_files_may_begin_with_a_byte_order_mark(self):
        input_file = self.write(COUNT, {"text": "one two"})
        for path in (input_file, self.path("module.json")):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            with open(path, "w", encoding="utf-8-sig") as file:
                file.write(text)
        code, lines, _ = self.end(self.start("--mode", "run", "--input_file", input_file))
        self.assertEqual((code, json.loads(lines[-1])["outputs"]), (0, {"words": 2}))

    def test_what_libraries_and_children_print_is_log_and_they_read_nothing(self):
        source = """
        @module
        def main(inputs, task):
            os.write(1, b'{"status": "success", "outputs": {"false": 1}}')
            child = subprocess.run([sys.executable, "-c", "print('child', input('?'))"])
            return {"child": child.returncode}
        """
        code, lines, err = self.run_once(source)
        self.assertEqual(
            [json.loads(line) for line in lines], [{"status": "success", "outputs": {"child": 1}}]
        )
        self.assertEqual(code, 0)
        self.assertIn("EOFError", err)

    def test_half_a_surrogate_pair_is_refused_with_its_place(self):
        for value in ("{'a': ['\\ud800']}", "{'a': [{'x\\udfff': 1}]}"):
            source = "@module\ndef main(inputs, task):\n    return " + value
            message = "outputs.a[0] has half a surrogate pair, which is no character"
            self.assertFails(source, 2, "BadOutput", message, False)

    def test_values_of_numpy_s_kind_are_taken(self):
        source = """
        import pathlib
        class Scalar:
            def tolist(self): return 3
        class Array:
            def tolist(self): return [1, 2.5]
        @module
        def main(inputs, task):
            path = pathlib.Path("a.txt")
            return {"scalar": Scalar(), "array": Array(), "pair": (1, None), "path": path, 5: True}
        """
        self.assertEqual(
            self.result(source)[1]["outputs"],
            {"scalar": 3, "array": [1, 2.5], "pair": [1, None], "path": "a.txt", "5": True},
        )


class Failures(ModuleCase):
    def test_wrong_input_is_final(self):
        source = "@module\ndef main(inputs, task):\n    raise InvalidInput('no picture')"
        self.assertFails(source, 2, "InvalidInput", "no picture", False)

    def test_anything_else_may_be_tried_again_and_is_explained(self):
        source = "@module\ndef main(inputs, task):\n    raise OSError('the disk is full')"
        self.assertFails(source, 1, "OSError", "the disk is full", True)
        self.assertIn("Traceback", self.run_once(source)[2])

    def test_an_error_may_say_whether_to_try_again(self):
        source = """
        class Gone(Exception):
            retry_possible = False
        @module
        def main(inputs, task):
            raise Gone()
        """
        self.assertFails(source, 2, "Gone", "Gone", False)

    def test_out_of_time_is_3(self):
        source = "@module\ndef main(inputs, task):\n    raise TimedOut('60 s')"
        self.assertFails(source, 3, "TimedOut", "60 s", True)

    def test_exit_2_inside_stays_final(self):
        self.assertFails("@module\ndef main(inputs, task):\n    sys.exit(2)", 2, "SystemExit", "2", False)
        self.assertFails("@module\ndef main(inputs, task):\n    sys.exit(7)", 1, "SystemExit", "7", True)

    def test_nan_is_refused_with_its_place(self):
        source = "@module\ndef main(inputs, task):\n    return {'faces': [{'x': 1.5}, {'x': float('%s')}]}"
        message = "outputs.faces[1].x is %s: JSON has no such number"
        self.assertFails(source % "nan", 2, "BadOutput", message % "nan", False)
        self.assertFails(source % "-inf", 2, "BadOutput", message % "-inf", False)

    def test_what_json_cannot_hold_is_refused(self):
        source = "@module\ndef main(inputs, task):\n    return {'a': {'b': object()}}"
        self.assertFails(source, 2, "BadOutput", "outputs.a.b is a object, which JSON cannot hold", False)
        source = "@module\ndef main(inputs, task):\n    return 5"
        self.assertFails(source, 2, "BadOutput", "main must return its outputs as a dict", False)

    def test_a_crash_leaves_no_result(self):
        code, lines, _ = self.run_once(
            "@module\ndef main(inputs, task):\n    print('last words'); os.abort()"
        )
        self.assertEqual((code, lines), (-6, ["last words"]))

    def test_wrong_arguments_are_2(self):
        self.write(COUNT)
        for args in ([], ["--mode", "run"], ["--mode", "dance"]):
            code, lines, _ = self.end(self.start(*args))
            self.assertEqual((code, lines), (2, []), args)


class Cancel(ModuleCase):
    def start_run(self, source):
        process = self.start("--mode", "run", "--input_file", self.write(source))
        self.assertIn("begun", process.stdout.readline())
        return process

    def cancelled(self, source):
        process = self.start_run(source)
        process.stdin.write('half a line that is no JSON\n{"type":"can')
        process.stdin.flush()
        process.stdin.write('cel"}\n')
        process.stdin.flush()
        code, lines, _ = self.end(process)
        error = {"type": "Cancelled", "message": "Cancelled", "retry_possible": True}
        self.assertEqual(
            (code, [json.loads(line) for line in lines][-1:]), (130, [{"status": "error", "error": error}])
        )

    def test_progress_raises(self):
        self.cancelled("""
        @module
        def main(inputs, task):
            print("begun")
            while True:
                try:
                    task.progress(1)
                except Exception:
                    pass  # must not stop a cancel
        """)

    def test_sleep_ends(self):
        self.cancelled("@module\ndef main(inputs, task):\n    print('begun'); task.sleep(600)")

    def test_a_module_may_look_by_itself(self):
        process = self.start_run("""
        @module
        def main(inputs, task):
            print("begun")
            while not task.cancelled:
                pass
            return {"so far": 7}
        """)
        process.stdin.write('{"type":"cancel"}\n')
        process.stdin.flush()
        code, lines, _ = self.end(process)
        self.assertEqual((code, json.loads(lines[-1])["outputs"]), (0, {"so far": 7}))

    def test_the_end_of_input_means_nothing(self):
        process = self.start_run(
            "@module\ndef main(inputs, task):\n    print('begun'); task.sleep(0.3); return {}"
        )
        self.assertEqual(self.end(process)[0], 0)

    def test_nobody_left_to_hear_it_ends_it(self):
        process = self.start_run(
            "@module\ndef main(inputs, task):\n    print('begun')\n    while True: task.progress(1)"
        )
        process.stdout.close()
        self.assertEqual(process.wait(PATIENCE), 1)
        self.assertEqual(process.stderr.read(), "")


class TestAndSetup(ModuleCase):
    def test_expected_outputs_are_compared(self):
        code, result = self.result(COUNT, {"text": "a b"}, mode="test", expected={"words": 2})
        self.assertEqual((code, result["status"]), (0, "success"))
        code, result = self.result(COUNT, {"text": "a b"}, mode="test", expected={"words": 3})
        self.assertEqual(code, 2)
        self.assertEqual(result["error"]["message"], "expected words to be 3, got 2")

    def test_a_module_compares_by_itself(self):
        source = (
            COUNT
            + "@main.check\ndef check(outputs, task):\n    assert outputs['words'] > task.expected, 'too few'"
        )
        self.assertEqual(self.result(source, {"text": "a b"}, mode="test", expected=1)[0], 0)
        code, result = self.result(source, {"text": "a b"}, mode="test", expected=2)
        self.assertEqual((code, result["error"]["message"]), (1, "too few"))

    def test_a_module_by_itself_is_a_function(self):
        self.write(COUNT)
        asked = "import main; print(main.main({'text': 'a b c'}, None))"
        given = dict(os.environ, PYTHONPATH=os.pathsep.join([HERE, self.folder]))
        answer = subprocess.run(
            [sys.executable, "-c", asked], stdout=subprocess.PIPE, env=given, timeout=PATIENCE
        )
        self.assertEqual(answer.stdout.split(), [b"{'words':", b"3}"])

    def test_setup_gets_the_cache(self):
        self.write(COUNT + "@main.setup\ndef fetch(cache_dir):\n    print('into', cache_dir); return 0")
        code, lines, _ = self.end(self.start("--mode", "setup"))
        self.assertEqual((code, lines), (0, ["into " + self.path("cache")]))

    def test_setup_may_fail(self):
        self.write(COUNT + "@main.setup\ndef fetch(cache_dir):\n    raise OSError('no network')")
        code, lines, _ = self.end(self.start("--mode", "setup"))
        self.assertEqual((code, json.loads(lines[-1])["error"]["message"]), (1, "no network"))

    def test_without_set_up_the_mode_is_an_invalid_choice(self):
        self.write(COUNT)
        code, _, err = self.end(self.start("--mode", "setup"))
        self.assertEqual(code, 2)
        self.assertIn("invalid choice", err)


SERVED = """
@module
def main(inputs, task):
    do = inputs["text"]
    if do == "print":
        print("printed ", end=""); os.write(1, b"not a message"); print(task.loaded)
        task.progress(50, "half"); task.log("logged")
        print("no end", end="")
    elif do == "wait":
        task.progress(1, "begun"); task.sleep(600)
    elif do == "crash":
        os.abort()
    elif do == "fail":
        raise InvalidInput("no good")
    elif do == "exit":
        sys.exit(1)
    elif do == "nan":
        return {"x": float("nan")}
    elif do == "long":
        return {"x": "x" * 300000}
    return {"loaded": task.loaded, "here": task.output_dir}

@main.load
def load():
    print("loading")
    return "loaded in %d" % os.getpid()
"""


class Serve(ModuleCase):
    def setUp(self):
        super().setUp()
        self.write(SERVED)
        self.served = self.start("--mode", "serve")
        self.loaded = "loaded in %d" % self.served.pid
        self.assertEqual(self.heard(), {"type": "ready", "protocol": 1})

    def say(self, **message):
        self.served.stdin.write(json.dumps(message) + "\n")
        self.served.stdin.flush()

    def heard(self):
        line = self.served.stdout.readline()
        self.assertNotEqual(line, "", "it ended")
        return json.loads(line)

    def order(self, task_id, do):
        self.say(type="run", id=task_id, input_file=self.input_file(task_id + ".json", {"text": do}))

    def until(self, *kinds):
        """What is heard up to the first message of these kinds."""
        messages = [self.heard()]
        while messages[-1]["type"] not in kinds:
            messages.append(self.heard())
        return messages

    def done(self, task_id):
        result = {"status": "success", "outputs": {"loaded": self.loaded, "here": self.output_dir}}
        return {"type": "done", "id": task_id, "result": result}

    def test_many_tasks_share_what_was_loaded_once(self):
        for task_id in ("a", "b", "c"):
            self.order(task_id, "nothing")
            self.assertEqual(self.heard(), self.done(task_id))
        self.served.stdin.close()
        self.assertEqual(self.served.wait(PATIENCE), 0)
        self.assertEqual(self.served.stderr.read(), "loading\n")

    def test_what_is_printed_is_log_of_its_task(self):
        self.order("a", "print")
        self.assertEqual(
            self.until("done", "failed"),
            [
                {"type": "log", "id": "a", "line": "printed " + self.loaded},
                {"type": "progress", "id": "a", "percent": 50, "message": "half"},
                {"type": "log", "id": "a", "line": "logged"},
                {"type": "log", "id": "a", "line": "no end"},
                self.done("a"),
            ],
        )
        self.say(type="shutdown")
        _, lines, err = self.end(self.served)
        self.assertEqual((lines, err), ([], "loading\nnot a message"))

    def test_a_cancelled_task_ends_and_the_next_one_runs(self):
        self.order("a", "wait")
        self.until("progress")
        self.order("b", "wait")
        self.order("c", "nothing")
        self.say(type="cancel", id="b")  # before it begins
        self.say(type="cancel", id="unknown")
        self.say(type="cancel", id="a")
        self.assertEqual(self.heard(), {"type": "cancelled", "id": "a"})
        self.assertEqual(self.heard(), {"type": "cancelled", "id": "b"})
        self.assertEqual(self.heard(), self.done("c"))

    def test_a_ping_is_answered_during_a_task(self):
        self.order("a", "wait")
        self.until("progress")
        self.served.stdin.write("no message\n[]\n")
        self.say(type="something new")
        self.say(type="ping")
        self.assertEqual(self.heard(), {"type": "pong"})

    def test_a_failed_task_ends_no_process(self):
        failures = {
            "fail": ("InvalidInput", "no good", False),
            "exit": ("SystemExit", "1", True),
            "nan": ("BadOutput", "outputs.x is nan: JSON has no such number", False),
        }
        for do, (kind, message, retry_possible) in failures.items():
            self.order(do, do)
            error = {"type": kind, "message": message, "retry_possible": retry_possible}
            self.assertEqual(self.heard(), {"type": "failed", "id": do, "error": error})
        self.say(type="run", id="lost", input_file=self.path("nowhere.json"))
        self.assertEqual(self.heard()["error"]["type"], "FileNotFoundError")
        self.order("a", "nothing")
        self.assertEqual(self.heard(), self.done("a"))

    def test_a_long_result_lies_in_result_json(self):
        self.order("a", "long")
        self.assertEqual(self.heard(), {"type": "done", "id": "a", "result": {"status": "success"}})
        with open(os.path.join(self.output_dir, "result.json"), encoding="utf-8") as file:
            self.assertEqual(len(json.load(file)["outputs"]["x"]), 300000)

    def test_a_crash_ends_it(self):
        self.order("a", "crash")
        self.assertEqual(self.end(self.served)[:2], (-6, []))

    def test_it_finishes_what_was_begun_when_it_shall_end(self):
        self.order("a", "nothing")
        self.order("b", "nothing")
        self.served.stdin.close()
        self.assertEqual([self.heard(), self.heard()], [self.done("a"), self.done("b")])
        self.assertEqual(self.served.wait(PATIENCE), 0)

    def test_what_cannot_be_loaded_is_never_ready(self):
        self.write(COUNT + "@main.load\ndef load():\n    raise InvalidInput('no weights')")
        code, lines, err = self.end(self.start("--mode", "serve"))
        self.assertEqual((code, lines), (2, []))
        self.assertIn("no weights", err)


class Source(unittest.TestCase):
    def test_it_is_python_3_8(self):
        with open(os.path.join(HERE, "millrace_module.py"), encoding="utf-8") as file:
            ast.parse(file.read(), feature_version=(3, 8))


if __name__ == "__main__":
    unittest.main()
