import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runProgram } from '../../../fixtures/run-program.ts'
import { startWatchdog, type Watchdog } from '../stop/watchdog.ts'

let watchdog: Watchdog
beforeAll(() => {
  watchdog = startWatchdog()
})
afterAll(() => watchdog.close())

const report = [{ key: 'report', type: 'file', format: 'json' }]
const optional = [{ key: 'answer', type: 'text', required: false }]
const print = 'print(json.dumps(RESULT))\n'
const found = { outcome: 'succeeded', outputs: { answer: { value: '42' } }, error: null }

describe('finds the result', () => {
  it.each([
    ['after a line without an end', `print("Loading model... ", end="")\n${print}`],
    [
      'after two such lines in colour',
      `print("\\x1b[1mA\\x1b[0m ", end=""); print("{x} ", end="")\n${print}`,
    ],
    ['after a reset of colours', `sys.stdout.write("\\x1b[0m")\n${print}`],
    ['before a reset of colours', 'print(json.dumps(RESULT) + "\\x1b[0m")'],
    ['before a title and a bell', 'print(json.dumps(RESULT) + "\\x1b]0;done\\x07")'],
    ['between colours', 'print("\\x1b[32;1m" + json.dumps(RESULT) + "\\x1b[0m")'],
    ['after a bar that writes over itself', `sys.stdout.write("\\r 50%\\r")\n${print}`],
    ['after a bar that steps back', `sys.stdout.write("50%\\b\\b\\b")\n${print}`],
    ['after a byte order mark', 'print("\\ufeff" + json.dumps(RESULT))'],
    ['without an end of line', 'sys.stdout.write("ready" + json.dumps(RESULT))'],
    ['before the words of another thread', 'print(json.dumps(RESULT) + "worker 2 is done")'],
    ['over several lines', 'print(json.dumps(RESULT, indent=2))'],
    [
      'over several lines, after a line without an end',
      'print("Loading... " + json.dumps(RESULT, indent=2))',
    ],
    [
      'over several lines in colour, by tabs',
      'print("\\x1b[0m" + json.dumps(RESULT, indent="\\t") + "\\x1b[0m")',
    ],
    ['over several lines with CRLF', 'print(json.dumps(RESULT, indent=1).replace("\\n", "\\r\\n"))'],
    [
      'over several lines, after a line that only began so',
      'print("void main() {")\nprint(json.dumps(RESULT, indent=2))',
    ],
    [
      'in the same line as a progress',
      'print(json.dumps({"event": "start"}), end=""); print(json.dumps(RESULT))',
    ],
    ['after a dump of zero bytes behind a brace', `print("{" + "\\0" * 900_000 + "x")\n${print}`],
    ['after a bar of nothing but carriage returns', `print("\\r" * 900_000 + "x")\n${print}`],
  ])('%s', async (_, program) => {
    const { verdict } = await runProgram(watchdog, program)
    expect(verdict).toMatchObject(found)
  })

  it('in Latin-1, with a note for the author', async () => {
    const line = '{"status": "success", "outputs": {"answer": "Gr\u00f6\u00dfe"}}'
    const { verdict } = await runProgram(
      watchdog,
      `sys.stdout.buffer.write(${JSON.stringify(line)}.encode("latin-1"))`,
    )
    expect(verdict).toMatchObject({ outcome: 'succeeded', outputs: { answer: { value: 'Größe' } } })
    expect(verdict.notes.join()).toContain('Windows-1252')
  })

  it('and logs all else, line by line', async () => {
    const program = `print("{")\nprint("not json")\nprint(json.dumps({"a": [1, 2]}, indent=1))\n${print}print("bye")`
    const { verdict, lines } = await runProgram(watchdog, program)
    expect(verdict).toMatchObject(found)
    expect(lines).toEqual(['{', 'not json', '{', ' "a": [', '  1,', '  2', ' ]', '}', 'bye'])
  })
})

describe('does not replace the result by a similar line:', () => {
  it.each([
    ['a status code', { event: 'shutdown', status: 200 }],
    ['a success of something else', { level: 'info', success: true, msg: 'closed' }],
    ['a bare status', { status: 'success' }],
    ['another status', { level: 'info', status: 'ok' }],
    ['an answer of something else', { success: true, result: { rows: 3 } }],
    ['a warning with a reason', { level: 'warn', status: 'error', error: 'closed late' }],
  ])('%s, printed after it', async (_, line) => {
    const program = `${print}print(json.dumps(json.loads(${JSON.stringify(JSON.stringify(line))})))`
    for (const outputs of [undefined, optional]) {
      const { verdict, lines } = await runProgram(watchdog, program, outputs)
      if (!outputs || !('result' in line)) expect(verdict).toMatchObject(found)
      if (!outputs) expect(lines.map((text) => JSON.parse(text))).toEqual([line])
    }
  })

  it.each([
    ['an object', '{"segments": []}'],
    ['a list', '[]'],
    ['text', 'not json'],
    ['nothing', ''],
    ['a bare status', '{"status": "success"}'],
    ['a status among others', '{"status": "success", "segments": []}'],
    ['an answer of something else', '{"success": true, "result": {"rows": 3}}'],
  ])('a file result.json with %s', async (_, text) => {
    for (const outputs of [undefined, optional]) {
      const { verdict } = await runProgram(
        watchdog,
        `write("result.json", ${JSON.stringify(text)})\n${print}`,
        outputs,
      )
      if (outputs && text.includes('rows')) continue
      expect(verdict).toMatchObject(found)
      expect(verdict.notes.join()).toContain('result.json')
    }
  })

  it('a file result.json that is an output, whatever its content', async () => {
    for (const text of ['{"segments": []}', '{"status": "success", "outputs": {"report": "result.json"}}']) {
      const program = `write("result.json", ${JSON.stringify(text)})\nprint(json.dumps({"status": "success", "outputs": {"report": "result.json"}}))`
      const { verdict } = await runProgram(watchdog, program, report)
      expect(verdict).toMatchObject({
        outcome: 'succeeded',
        outputs: { report: { path: expect.stringContaining('result.json') } },
      })
    }
  })

  it.each([
    ['an error without a reason', { status: 'error', code: 503, msg: 'upstream' }],
    ['an error with one', { status: 'error', error: 'upstream', code: 503 }],
    ['an error with a message', { status: 'error', message: 'upstream' }],
    ['a success of something else', { status: 'success', msg: 'connected' }],
    ['a success with outputs of something else', { success: true, result: 'connected' }],
  ])('%s, before an exception', async (_, line) => {
    const program = `print(json.dumps(json.loads(${JSON.stringify(JSON.stringify(line))})))\nraise RuntimeError("the real cause")`
    const { verdict } = await runProgram(watchdog, program)
    expect(verdict).toMatchObject({ outcome: 'failed', error: { code: 'module_error', retryable: true } })
    expect(verdict.error?.message).toContain('the real cause')
  })

  it('a line that quotes one, before an exception', async () => {
    const program = 'print("DEBUG answer:", json.dumps(RESULT))\nraise RuntimeError("the real cause")'
    const { verdict } = await runProgram(watchdog, program)
    expect(verdict.error?.message).toContain('the real cause')
  })
})

describe('of two results', () => {
  it('the last counts, with a note in the log', async () => {
    const { verdict, lines } = await runProgram(
      watchdog,
      `print(json.dumps({"status": "success", "outputs": {"answer": "1"}}))\n${print}`,
    )
    expect(verdict).toMatchObject(found)
    expect(verdict.notes.join()).toContain('2 results were printed')
    expect(lines).toEqual(['{"status": "success", "outputs": {"answer": "1"}}'])
  })

  it('an error after a success counts, and keeps the reason that its traceback lacks', async () => {
    const { verdict } = await runProgram(
      watchdog,
      `${print}print(json.dumps({"status": "error", "error": "too late"}))\nsys.exit(1)`,
    )
    expect(verdict.error).toMatchObject({ code: 'module_error', message: 'too late' })
  })

  it('the file counts, with a note in the log', async () => {
    const { verdict } = await runProgram(
      watchdog,
      `write("result.json", json.dumps(RESULT))\nprint(json.dumps({"status": "error", "error": "no"}))`,
    )
    expect(verdict).toMatchObject(found)
    expect(verdict.notes.join()).toContain('result.json counts')
  })
})

describe('no result', () => {
  const message = async (program: string) => {
    const { verdict } = await runProgram(watchdog, program)
    expect(verdict).toMatchObject({ outcome: 'failed', error: { code: 'bad_output', retryable: false } })
    return verdict.error?.message
  }

  it('quotes the last lines of both streams', async () => {
    const said = await message(
      'print("the last words"); print({"status": "success"}); print("and a warning", file=sys.stderr)',
    )
    expect(said).toMatch(
      /gave no result.*standard output:\nthe last words\n\{'status'.*standard error:\nand a warning/s,
    )
  })

  it.each([
    ['a line', 'print(json.dumps({"status": "success", "outputs": {"answer": "x" * 1100000}}))'],
    [
      'a line after other words',
      'print("Loading...", json.dumps({"status": "success", "outputs": {"answer": "x" * 1100000}}))',
    ],
    [
      'many lines',
      'print(json.dumps({"status": "success", "outputs": {"answer": ["x"] * 400000}}, indent=2))',
    ],
  ])('because it is %s above the limit: names the limit and the remedy', async (_, program) => {
    expect(await message(`print(json.dumps({"status": "success"}))\n${program}`)).toMatch(
      /gave no result.*1 MiB.*result\.json.*output files/s,
    )
  })

  it.each(['1e400', '-1e400', '[0, {"deep": 1e999}]', '123e+400', '1'.repeat(400)])(
    'but a number that JSON readers lose (%s)',
    async (number) => {
      for (const program of [
        `print('{"status": "success", "outputs": {"answer": ${number}}}')`,
        `write("result.json", '{"status": "success", "outputs": {"answer": ${number}}}')`,
      ]) {
        const { verdict } = await runProgram(watchdog, program, [{ key: 'answer', type: 'json' }])
        expect(verdict.error).toMatchObject({ code: 'bad_output', retryable: false })
        expect(verdict.error?.message).toMatch(/too large.* at \/outputs\/answer/)
      }
    },
  )
})

describe('a program that does not end after its result', () => {
  const hang = 'threading.Thread(target=time.sleep, args=(600,)).start()\n'
  it.each([
    ['for a thread', hang + print],
    ['for a handler at exit', `atexit.register(time.sleep, 600)\n${print}`],
    ['and has not ended its line', `${hang}sys.stdout.write(json.dumps(RESULT)); sys.stdout.flush()`],
    [
      'nor the last of its lines',
      `${hang}sys.stdout.write(json.dumps(RESULT, indent=2)); sys.stdout.flush()`,
    ],
    ['and ignores SIGTERM', `signal.signal(signal.SIGTERM, signal.SIG_IGN)\n${hang}${print}time.sleep(600)`],
    [
      'and treats that as a failure',
      `def fail(*_):\n  print(json.dumps({"status": "error", "error": "interrupted"})); os._exit(1)\nsignal.signal(signal.SIGTERM, fail)\n${print}time.sleep(600)`,
    ],
    ['and wrote it to result.json', `${hang}write("result.json", json.dumps(RESULT))`],
  ])('%s is ended, and its result counts', async (_, program) => {
    const { verdict, end, seconds } = await runProgram(watchdog, program)
    expect(verdict).toMatchObject(found)
    expect(end.hungAfterResult).toBe(true)
    expect(seconds).toBeLessThan(20)
  })

  it('after a retryable failure fails at once', async () => {
    const { verdict } = await runProgram(
      watchdog,
      `${hang}print(json.dumps({"status": "error", "error": {"message": "busy", "retry_possible": True}}))`,
    )
    expect(verdict.error).toMatchObject({ code: 'module_error', message: 'busy', retryable: true })
  })

  it.each([
    ['has a link to itself for result.json', 'os.symlink("result.json", os.path.join(out, "result.json"))\n'],
    ['has closed its output folder', 'os.chmod(out, 0)\n'],
  ])('and %s is ended as well', async (_, before) => {
    const { verdict, end } = await runProgram(watchdog, `${before}${print}${hang}`)
    expect(verdict).toMatchObject(found)
    expect(end.hungAfterResult).toBe(true)
  })

  it('but still writes an output may complete it', async () => {
    const writer = `def fill():
  with open(os.path.join(out, "report.json"), "w") as file:
    for n in range(12):
      file.write("[" if n == 0 else "1,"); file.flush(); time.sleep(0.25)
    file.write("1]")
  time.sleep(600)
threading.Thread(target=fill).start()
time.sleep(0.3)
print(json.dumps({"status": "success", "outputs": {"report": os.path.join(out, "report.json")}}))
`
    const { verdict, end } = await runProgram(watchdog, writer, report)
    expect(verdict).toMatchObject({ outcome: 'succeeded', error: null })
    expect(end.hungAfterResult).toBe(true)
  })

  it('counts at the time limit, also with outputs of the last seconds', async () => {
    const program = `with open(os.path.join(out, "report.json"), "w") as file: file.write("[1]")
print(json.dumps({"status": "success", "outputs": {"report": os.path.join(out, "report.json")}}), flush=True)
time.sleep(600)
`
    const limits = { resultGraceSeconds: 30 }
    const { verdict } = await runProgram(watchdog, program, report, { limits, timeoutSeconds: 1.5 })
    expect(verdict).toMatchObject({ outcome: 'succeeded', error: null })
  })

  it('counts after the grace, also with outputs from the future', async () => {
    const program = `path = os.path.join(out, "report.json")
with open(path, "w") as file: file.write("[1]")
os.utime(path, (time.time() + 3600, time.time() + 3600))
print(json.dumps({"status": "success", "outputs": {"report": path}}), flush=True)
time.sleep(600)
`
    const { verdict, end } = await runProgram(watchdog, program, report, { timeoutSeconds: 30 })
    expect(verdict).toMatchObject({ outcome: 'succeeded', error: null })
    expect(end.hungAfterResult).toBe(true)
  })

  it('does not fail by silence', async () => {
    const limits = { resultGraceSeconds: 1, silenceSeconds: 0.4 }
    const { verdict } = await runProgram(watchdog, hang + print, undefined, { limits })
    expect(verdict).toMatchObject(found)
  })

  it('but still prints may run until its time limit', async () => {
    const alive = 'while True:\n  print("alive"); time.sleep(0.1)'
    const { verdict, seconds } = await runProgram(watchdog, print + alive, undefined, { timeoutSeconds: 3 })
    expect(verdict).toMatchObject(found)
    expect(seconds).toBeGreaterThan(2.9)
  })

  it.each([
    ['a line that only looks like a result', 'print(json.dumps({"status": "success", "msg": "connected"}))'],
    ['a success without all outputs', 'print(json.dumps({"success": True, "result": "connected"}))'],
    ['a file that is not a result', 'write("result.json", json.dumps({"status": "success", "rows": 1}))'],
  ])('does not include one with %s', async (_, program) => {
    const { verdict, end } = await runProgram(watchdog, `${program}\ntime.sleep(2)\n${print}`)
    expect(verdict).toMatchObject(found)
    expect(end.hungAfterResult).toBeUndefined()
  })

  it('runs until its time limit without a grace', async () => {
    const limits = { resultGraceSeconds: 0 }
    const { verdict } = await runProgram(watchdog, hang + print, undefined, { limits, timeoutSeconds: 2 })
    expect(verdict.outcome).toBe('timed_out')
  })
})
