import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { millrace, steady, write } from '../../fixtures/millrace.ts'
import { good, manifest, program, testData } from '../../fixtures/modules.ts'

const started = ['✓ manifest # s  m 1.0.0', '✓ environment # s  Python #, nothing to install']
const byHand = (mode: string) => `  $ cache/checks/envs/#/bin/python m/main.py --mode ${mode}`

const besideMain =
  "relative to its working directory, which is the run's folder and not its own: name a file next to main.py as " +
  'os.path.join(os.path.dirname(os.path.abspath(__file__)), "labels.txt")'

type Bad = { title: string; files: Record<string, unknown>; says: string[] }
const bad: Bad[] = [
  {
    title: 'without a manifest',
    files: { 'module.json': undefined },
    says: ['✗ manifest # s', '', '  This folder has no module.json: every module needs one', ''],
  },
  {
    title: 'with a manifest that is not JSON',
    files: { 'module.json': '{\n  "name": "m",\n  "version": "1.0.0",\n  "python": None\n}' },
    says: ['✗ manifest # s', '', '  module.json is not valid JSON: Unexpected N (line 4 column 13)', ''],
  },
  {
    title: 'with several faults in its manifest',
    files: { 'module.json': { name: 'M', version: '1', inputs: [{ key: 'a', type: 'picture' }] } },
    says: [
      '✗ manifest # s',
      '',
      '  module.json: name: lower case letters, digits, - and _; version: a semantic version such as 1.0.0; ' +
        'inputs.0.type: Invalid option: expected one of "file"|"json"|"text"|"number"|"boolean"',
      '',
    ],
  },
  {
    title: 'without test data',
    files: { 'test_data.json': undefined },
    says: [
      ...started,
      '✗ test # s',
      '',
      '  test_data.json is missing: without a small input the module cannot be tested',
      '',
    ],
  },
  {
    title: 'that misses a package',
    files: { 'main.py': 'import a_package_that_nobody_has\n' },
    says: [
      ...started,
      '✗ test # s',
      '',
      '  Missing Python package a_package_that_nobody_has: name it in the requirements',
      '',
      `${byHand('test')} --input_file m/test_data.json`,
      '  exit code 1',
      '  │ Traceback (most recent call last):',
      '  │   File "<m>/main.py", line 1, in <module>',
      '  │     import a_package_that_nobody_has',
      "  │ ModuleNotFoundError: No module named 'a_package_that_nobody_has'",
      '',
    ],
  },
  {
    title: 'whose set-up fails',
    files: {
      'module.json': { ...manifest, modes: ['setup', 'run'] },
      'main.py': 'print("looking for weights")\nraise SystemExit("found none")\n',
    },
    says: [
      ...started,
      '✗ setup # s',
      '',
      '  Set-up failed: exit code 1: found none',
      '',
      byHand('setup'),
      '  exit code 1',
      '  │ looking for weights',
      '',
    ],
  },
  {
    title: 'whose test fails',
    files: {
      'main.py': program(`
print(json.dumps({"event": "progress", "percent": 50}))
print(json.dumps({"status": "error", "error": {"type": "TestFailed", "message": "expected 4 words"}}))
sys.exit(1)`),
    },
    says: [
      ...started,
      '✗ test # s',
      '',
      '  The test failed: expected 4 words',
      '',
      `${byHand('test')} --input_file m/test_data.json`,
      '  exit code 1',
      '  │ {"status": "error", "error": {"type": "TestFailed", "message": "expected 4 words"}}',
      '',
    ],
  },
  {
    title: 'that leaves out an output',
    files: { 'main.py': program('give(eco="hi")') },
    says: [
      ...started,
      '✗ test # s',
      '',
      '  The test failed: Output "echo" is missing: the result must name it',
      '',
      `${byHand('test')} --input_file m/test_data.json`,
      '  exit code 0',
      '  │ {"status": "success", "outputs": {"eco": "hi"}}',
      '',
    ],
  },
  {
    title: 'that returns NaN',
    files: { 'main.py': program('give(echo="hi", scores=[1.0, float("nan")])') },
    says: [
      ...started,
      '✗ test # s',
      '',
      '  The test failed: The result line holds NaN or Infinity, which JSON does not have, at /outputs/scores/1',
      '',
      `${byHand('test')} --input_file m/test_data.json`,
      '  exit code 0',
      '  │ {"status": "success", "outputs": {"echo": "hi", "scores": [1.0, NaN]}}',
      '',
    ],
  },
  {
    title: 'that takes too long',
    files: {
      'module.json': { ...manifest, test_timeout_seconds: 0.5 },
      'main.py': 'import sys\nprint("thinking")\nsys.stdin.readline()\n',
    },
    says: [
      ...started,
      '✗ test # s',
      '',
      '  The test took longer than test_timeout_seconds (0.5 s)',
      '',
      `${byHand('test')} --input_file m/test_data.json`,
      '  exit code 0',
      '  │ thinking',
      '',
    ],
  },
  {
    title: 'that opens a file next to its program by a relative name',
    files: { 'main.py': program('give(echo=open("labels.txt").read())'), 'labels.txt': 'cat' },
    says: [
      ...started,
      '✗ test # s',
      '',
      `  The test failed: The module names "labels.txt" ${besideMain}. The module failed (exit code 1)`,
      '',
      `${byHand('test')} --input_file m/test_data.json`,
      '  exit code 1',
      '  │ Traceback (most recent call last):',
      '  │   File "<m>/main.py", line 7, in <module>',
      '  │     give(echo=open("labels.txt").read())',
      '  │               ^^^^^^^^^^^^^^^^^^',
      "  │ FileNotFoundError: [Errno 2] No such file or directory: 'labels.txt'",
      '',
    ],
  },
  {
    title: 'that does so when it runs only',
    files: {
      'main.py': program(`
if mode == "test": give(echo="hi")
else:
    try: open("labels.txt")
    except OSError as error: print(json.dumps({"status": "error", "error": {"message": str(error)}}))`),
      'labels.txt': 'cat',
    },
    says: [
      ...started,
      '✓ test # s',
      '✗ run # s',
      '',
      `  The run failed: The module names "labels.txt" ${besideMain}. [Errno 2] No such file or directory: 'labels.txt'`,
      '',
      `${byHand('run')} --task_id tsk_00000000000000000000000000 --input_file m/test_data.json`,
      '  exit code 0',
      '',
    ],
  },
  {
    title: 'whose test data names a file of another machine',
    files: {
      'test_data.json': { inputs: { text: 'hi', pages: ['/home/alice/one.txt'] } },
      'one.txt': '1',
    },
    says: [
      ...started,
      '✗ test # s',
      '',
      '  test_data.json: input "pages" names /home/alice/one.txt, an absolute path that this machine does not have: ' +
        'the module\'s folder has it: write "one.txt"',
      '',
    ],
  },
  {
    title: 'that passes its test but cannot run',
    files: { 'main.py': program('if mode == "run": raise SystemExit("no such mode")\ngive(echo="hi")') },
    says: [
      ...started,
      '✓ test # s',
      '✗ run # s',
      '',
      '  The run failed: The module failed (exit code 1)',
      '',
      `${byHand('run')} --task_id tsk_00000000000000000000000000 --input_file m/test_data.json`,
      '  exit code 1',
      '  │ no such mode',
      '',
    ],
  },
]

for (const { title, files, says } of bad)
  test.concurrent(`a module ${title} fails with the reason`, async () => {
    const here = await mkdtemp(join(tmpdir(), 'millrace-bad-'))
    const all = { 'module.json': manifest, 'main.py': good, 'test_data.json': testData, ...files }
    const given = Object.entries(all).filter(([, content]) => content !== undefined)
    await write(join(here, 'm'), Object.fromEntries(given))
    const { code, out, err } = await millrace(here, 'module', 'check', 'm')
    await rm(here, { recursive: true })
    expect(steady(out).replaceAll(join(here, 'm'), '<m>').split('\n')).toEqual([...says, ''])
    expect({ code, err }).toEqual({ code: 1, err: '' })
  })
