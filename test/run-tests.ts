import { spawn } from 'node:child_process'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

/** `npm test`: types, lint, then every test with coverage. The last line counts all of them. */

const root = resolve(import.meta.dirname, '..')
const bin = (name: string) => join(root, 'node_modules', '.bin', name)
const report = join(tmpdir(), `millrace-tests-${process.pid}.json`)

type Step = { name: string; command: string; args: string[] }

const steps: Step[] = [
  { name: 'types', command: bin('tsc'), args: [] },
  { name: 'lint', command: bin('biome'), args: ['check', '--error-on-warnings', '.'] },
  {
    name: 'tests',
    command: bin('vitest'),
    args: ['run', '--coverage', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  },
]

let passed = 0
let failed = 0
for (const step of steps) {
  process.stdout.write(`\n── ${step.name}\n`)
  const code = await run(step)
  const counts = step.name === 'tests' ? await counted() : null
  passed += counts?.passed ?? 0
  failed += counts?.failed ?? 0
  // A step that fails without a failed test (types, lint, coverage below its floor) counts as one.
  if (code !== 0 && !counts?.failed) failed += 1
  else if (!counts) passed += 1
}
await rm(report, { force: true })
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed > 0 || passed < steps.length ? 1 : 0

function run({ command, args }: Step): Promise<number> {
  return new Promise((done, cannot) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      shell: process.platform === 'win32',
    })
    child.once('error', cannot)
    child.once('exit', (code) => done(code ?? 1))
  })
}

async function counted(): Promise<{ passed: number; failed: number } | null> {
  try {
    const counts: { numPassedTests: number; numFailedTests: number } = JSON.parse(
      await readFile(report, 'utf8'),
    )
    return { passed: counts.numPassedTests, failed: counts.numFailedTests }
  } catch (error) {
    process.stderr.write(`the tests left no report: ${error instanceof Error ? error.message : error}\n`)
    return null
  }
}
