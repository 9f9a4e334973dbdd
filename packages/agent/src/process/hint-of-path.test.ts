import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hintOfPath } from './hint-of-path.ts'
import { nothingPrinted } from './output/result-lines.ts'
import type { ProcessEnd } from './run-process.ts'

let place: string
beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), 'hint-'))
  await mkdir(join(place, 'module/data/models'), { recursive: true })
  await mkdir(join(place, 'run/out'), { recursive: true })
  for (const file of ['labels.txt', 'main.py', 'data/my words.csv', 'data/models/yolo.onnx', 'task.json'])
    await writeFile(join(place, 'module', file), '')
  await writeFile(join(place, 'run/task.json'), '')
})
afterAll(() => rm(place, { recursive: true }))

const ended = (stderrTail: string[], stdoutTail: string[] = []): ProcessEnd => ({
  ...{ exitCode: 1, signal: null, stopReason: null, startError: null, lastJsonLine: null },
  ...{ stderrTail, stdoutTail, printed: nothingPrinted },
  usage: { peakRamBytes: null, peakVramBytes: null, cpuSeconds: null },
})
const where = (entryPoint = 'main.py') => ({
  folder: join(place, 'module'),
  entryPoint,
  cwd: join(place, 'run'),
})
const hint = (end: ProcessEnd, message: string | null = null) =>
  hintOfPath(
    { end, error: message === null ? null : { code: 'module_error', message, retryable: true } },
    where(),
  )

test('finds the file next to a very long run of dots', () => {
  const words = `not found: x${'.'.repeat(900_000)}x`
  const error = "FileNotFoundError: [Errno 2] No such file or directory: 'labels.txt'"
  expect(hint(ended([error, words]))).toContain('labels.txt')
})

test.each([
  ["FileNotFoundError: [Errno 2] No such file or directory: 'labels.txt'", 'labels.txt'],
  ["FileNotFoundError: [Errno 2] No such file or directory: './data/my words.csv'", 'data/my words.csv'],
  [
    String.raw`FileNotFoundError: [Errno 2] No such file or directory: 'data\\models\\yolo.onnx'`,
    'data/models/yolo.onnx',
  ],
  [
    'NoSuchFile: [ONNXRuntimeError] : 3 : Load model from data/models/yolo.onnx failed: File doesn’t exist',
    'data/models/yolo.onnx',
  ],
  ['OSError: Cannot find the folder "data/models"', 'data/models'],
  ['RuntimeError: could not open labels.txt: no such file', 'labels.txt'],
  ["FileNotFoundError: [Errno 2] No such file or directory: '/home/alice/detect/labels.txt'", 'labels.txt'],
  [String.raw`FileNotFoundError: No such file or directory: 'C:\\Users\\alice\\labels.txt'`, 'labels.txt'],
])('%s', (line, file) => {
  const words = `os.path.join(os.path.dirname(os.path.abspath(__file__)), "${file}")`
  expect(hint(ended(['Traceback (most recent call last):', line]))).toContain(words)
  expect(hint(ended([]), line)).toContain(words)
  expect(hint(ended([], [line]))).toContain(words)
})

test("treats an absolute path into the run's folder as relative", () => {
  const line = `FileNotFoundError: [Errno 2] No such file or directory: '${join(place, 'run/data/my words.csv')}'`
  expect(hint(ended([line]))).toContain('"data/my words.csv"')
})

test('reads an earlier exception, and handles a program in a subfolder', () => {
  const tail = [
    "FileNotFoundError: [Errno 2] No such file or directory: 'labels.txt'",
    'During handling of the above exception, another exception occurred:',
    '  File "main.py", line 3',
    '  File "main.py", line 4',
    'RuntimeError: no model',
  ]
  expect(hintOfPath({ end: ended(tail) }, where('src/main.py'))).toContain('"../labels.txt"')
})

test.each([
  "FileNotFoundError: [Errno 2] No such file or directory: 'other.txt'",
  "FileNotFoundError: [Errno 2] No such file or directory: '../module/labels.txt'",
  "ValueError: labels.txt has no label for 'cat'",
  'RuntimeError: the model was not found',
  "KeyError: 'labels.txt'",
  "PermissionError: task.json could not be opened: cannot open 'task.json'",
  'ModuleNotFoundError: No module named labels',
  `FileNotFoundError: No such file: '${'x'.repeat(500)}'`,
  "FileNotFoundError: No such file or directory: '.'",
  "FileNotFoundError: No such file or directory: '\0'",
])('gives no hint for %s', (line) => {
  expect(hint(ended([line]), line)).toBeNull()
})

test('gives no hint for an early warning', () => {
  const later = Array.from({ length: 10 }, (_, at) => `step ${at}`)
  expect(hint(ended(['warning: labels.txt not found, using none', ...later, 'ValueError: 3']))).toBeNull()
})
