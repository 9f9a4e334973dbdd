import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { until } from '../../../../../test/support/until.ts'
import { openSignals } from '../../signals/agent-signals.ts'
import { findSmi } from './find-smi.ts'
import { Gpus } from './gpus.ts'

/** A driver whose tool prints what the tests set. */

const path = process.env.PATH
let folder: string
let stop: AbortController
let lines: { msg: string; gpus?: string[]; troubles?: string[] }[]
const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
const onChange = vi.fn()
let gpus: Gpus

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-driver-'))
  process.env.PATH = `${folder}${delimiter}${path}`
  stop = new AbortController()
  lines = []
  onChange.mockClear()
  const signals = openSignals()
  signals.gpusChanged.subscribe('test', onChange)
  gpus = new Gpus(signals)
})
afterEach(() => {
  stop.abort()
  process.env.PATH = path
  rmSync(folder, { recursive: true })
})

const row = (n: number, total = '24576') => `GPU-${n}, NVIDIA RTX 309${n}, ${total}, 10, 0, 580.1`
function says(text: string, exitCode = 0, place = folder): void {
  mkdirSync(place, { recursive: true })
  const [file, fresh] = [join(place, 'nvidia-smi'), join(place, 'fresh')]
  const answer = `case "$1" in --query-gpu=*) cat <<'END'\n${text}\nEND\n exit ${exitCode} ;; esac\n`
  writeFileSync(fresh, `#!/bin/sh\n${answer}`)
  chmodSync(fresh, 0o755)
  renameSync(fresh, file)
}
const look = () => gpus.look(stop.signal)
const uuids = () => gpus.current.map(({ uuid }) => uuid)

describe.skipIf(process.platform === 'win32')('the GPUs of a machine', () => {
  test('that work stay when another is lost, even if the tool fails for it, and it returns', async () => {
    says(`${row(1)}\n${row(2)}`)
    await look()
    says(`${row(1)}\nUnable to determine the device handle for GPU0000:02:00.0: GPU is lost.`, 15)
    await look()
    expect(uuids()).toEqual(['GPU-1'])
    says(`${row(1)}\nGPU-2, NVIDIA RTX 3092, [Unknown Error], [Unknown Error], [Unknown Error], 580.1`)
    await look()
    expect([uuids(), onChange.mock.calls.length]).toEqual([['GPU-1'], 2])
    says(`${row(1)}\n${row(2)}`)
    await look()
    expect([uuids(), onChange.mock.calls.length]).toEqual([['GPU-1', 'GPU-2'], 3])
  })

  test('stay as they were while the driver does not answer', async () => {
    says(row(1))
    await look()
    says("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 9)
    await expect(look()).rejects.toThrow()
    says('')
    await expect(look()).rejects.toThrow('shows no GPU')
    rmSync(join(folder, 'nvidia-smi'))
    await expect(look()).rejects.toThrow()
    expect([uuids(), onChange.mock.calls.length]).toEqual([['GPU-1'], 1])
  })

  test('are found by another tool when the first on PATH does not work', async () => {
    says('NVIDIA-SMI has failed', 9)
    const other = join(folder, 'other')
    says(row(2), 0, other)
    process.env.PATH = [folder, other, path].join(delimiter)
    await look()
    expect(uuids()).toEqual(['GPU-2'])
  })

  test.each([
    [
      'the tool fails',
      () => says("NVIDIA-SMI has failed because it couldn't communicate", 9),
      /shows no GPU/,
    ],
    ['the tool prints nothing', () => says(''), /shows no GPU/],
    ['the tool is missing', () => undefined, /no nvidia-smi on this machine/],
  ])(
    'are found later when at first %s, and each change is logged once',
    async (_, first, told) => {
      first()
      const watching = gpus.watch(logger, stop.signal)
      expect(await gpus.known()).toEqual([])
      says(row(1))
      await until('the GPU is found', 40, async () => uuids().length > 0)
      expect(onChange).toHaveBeenCalledOnce()
      await until('it is logged', 5, async () => lines.length > 1)
      expect(lines.map(({ msg }) => msg)).toEqual([expect.stringMatching(told), 'GPUs found'])
      stop.abort()
      await watching
    },
    60_000,
  )
})

test('searches the tool on PATH, then in the folders of drivers and WSL', async () => {
  const [first, second, third] = ['one', 'two', 'three'].map((name) => join(folder, name))
  for (const place of [second, third]) says('', 0, place)
  const found = await findSmi({ PATH: [first, third].join(delimiter) }, [second ?? '', third ?? ''])
  expect(found).toEqual([third, second].map((place) => join(place ?? '', 'nvidia-smi')))
})
