import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Gpu } from '@millrace/shared/for-agents'
import { expect, it } from 'vitest'
import { fixtures, until } from '../../../fixtures/run-fixture.ts'
import { startWatchdog } from '../../process/stop/watchdog.ts'
import { openSignals } from '../../signals/agent-signals.ts'
import { openCatalogue } from '../catalogue.ts'
import { judgeTorch, type Torch } from './gpu-check.ts'

const gpu: Gpu = {
  uuid: 'GPU-1',
  name: 'RTX 5090',
  memoryTotal: 0,
  memoryUsed: null,
  reserved: [],
  utilization: null,
  driverVersion: '570.1',
}
const good: Torch = {
  torch: '2.7.0+cu128',
  built: '12.8',
  sees: true,
  architectures: ['sm_80', 'sm_90', 'sm_120'],
  capability: [12, 0],
}

it.each<[string, Partial<Torch>, RegExp | null]>([
  ['fits', {}, null],
  ['is not installed', { torch: null, built: null, sees: false }, null],
  [
    'is built for the CPU',
    { torch: '2.7.0+cpu', built: null, sees: false },
    /2\.7\.0\+cpu is built for the CPU only.*RTX 5090/,
  ],
  [
    'does not see it',
    { sees: false, capability: null },
    /built for 12\.8, does not see RTX 5090.*driver \(570\.1\)/,
  ],
  [
    'is too old for it',
    { architectures: ['sm_80', 'sm_90'] },
    /no code for RTX 5090 \(sm_120\), only for sm_80, sm_90/,
  ],
  ['has code of the same major version', { architectures: ['sm_80'], capability: [8, 6] }, null],
  ['has code of a later minor version only', { architectures: ['sm_89'], capability: [8, 6] }, /no code/],
  ['can translate what it has', { architectures: ['sm_80', 'compute_90'] }, null],
  ['was built for AMD', { built: '6.2', architectures: ['sm_120'] }, null],
])('PyTorch that %s', (_, more, fault) => {
  const said = judgeTorch({ ...good, ...more }, gpu)
  if (fault) expect(said).toMatch(fault)
  else expect(said).toBeNull()
})

it("runs in the module's environment, before its test, and again with another driver", async () => {
  const place = await mkdtemp(join(tmpdir(), 'millrace-gpu-'))
  const watchdog = startWatchdog()
  const folder = join(place, 'modules', 'uses-gpu')
  const asked = join(place, 'asked')
  let driverVersion = '570.1'
  let said: string[] = []
  const open = () =>
    openCatalogue({
      modulesDir: join(place, 'modules'),
      home: join(place, 'home'),
      own: { ...process.env, MILLRACE_TORCH_BACKEND: '' },
      watchdog,
      logger: { info: () => undefined, warn: () => undefined, error: console.error },
      gpus: async () => [{ ...gpu, driverVersion }],
      signals: openSignals(),
      onInstallLines: (_module, _digest, lines) => said.push(...lines.map((one) => one.line)),
      quietMs: 0,
    })
  await cp(join(fixtures, 'misbehave'), folder, { recursive: true })
  const manifest = JSON.parse(await readFile(join(folder, 'module.json'), 'utf8'))
  await writeFile(
    join(folder, 'module.json'),
    JSON.stringify({ ...manifest, name: 'uses-gpu', resources: { uses_gpu: true } }),
  )
  await requireTorch(folder, asked, 'None')
  let catalogue = open()
  const settled = () =>
    until(() => {
      const [module] = catalogue.inventory()
      return module && ['AVAILABLE', 'ERROR'].includes(module.status) ? module : null
    }, 30_000)
  try {
    await catalogue.scan()
    expect((await settled()).error).toMatch(/^PyTorch 2\.7\.0 is built for the CPU only/)
    expect(await readFile(asked, 'utf8')).toContain('GPU-1')

    await requireTorch(folder, asked, '"12.8"')
    await until(() => catalogue.available().length === 1, 30_000)
    await catalogue.close()

    said = []
    catalogue = open()
    await catalogue.scan()
    expect([(await settled()).status, said]).toEqual(['AVAILABLE', []])
    await catalogue.close()

    driverVersion = '580.2'
    catalogue = open()
    await catalogue.scan()
    expect((await settled()).status).toBe('AVAILABLE')
    expect(said.join('\n')).toContain('testing uses-gpu@1.0.0')
  } finally {
    await catalogue.close()
    await watchdog.close()
    await rm(place, { recursive: true })
  }
})

/** A wheel inside the module's folder that pretends to be torch and records which GPU it got. */
async function requireTorch(folder: string, asked: string, cuda: string): Promise<void> {
  const wheel = join(folder, 'torch-2.7.0-py3-none-any.whl')
  const code = `
import os
open(${JSON.stringify(asked)}, "a").write(os.environ["CUDA_VISIBLE_DEVICES"])
__version__ = "2.7.0"
class version:
    cuda = ${cuda}
class cuda:
    is_available = staticmethod(lambda: True)
    get_arch_list = staticmethod(lambda: ["sm_120"])
    get_device_capability = staticmethod(lambda at: (12, 0))
`
  const info = 'torch-2.7.0.dist-info'
  const files = {
    'torch.py': code,
    [`${info}/METADATA`]: 'Metadata-Version: 2.1\nName: torch\nVersion: 2.7.0\n',
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: '',
  }
  const pack =
    'import json,sys,zipfile\nwith zipfile.ZipFile(sys.argv[1],"w") as z: [z.writestr(*one) for one in json.loads(sys.argv[2]).items()]'
  await promisify(execFile)('python3', ['-c', pack, wheel, JSON.stringify(files)])
  await writeFile(join(folder, 'requirements.txt'), './torch-2.7.0-py3-none-any.whl\n')
}

it('tests a module again when a GPU appears, whether it failed or passed without', async () => {
  const place = await mkdtemp(join(tmpdir(), 'millrace-gpu-'))
  const watchdog = startWatchdog()
  let gpus: Gpu[] = []
  const signals = openSignals()
  const catalogue = openCatalogue({
    modulesDir: join(place, 'modules'),
    home: join(place, 'home'),
    own: process.env,
    watchdog,
    logger: { info: () => undefined, warn: () => undefined, error: console.error },
    gpus: async () => gpus,
    signals,
    onInstallLines: () => undefined,
    quietMs: 0,
  })
  const add = async (name: string, isPicky: boolean) => {
    const folder = join(place, 'modules', name)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'test_data.json'), '{"inputs": {}}')
    const manifest = { name, version: '1.0.0', outputs: [], resources: { uses_gpu: true } }
    await writeFile(join(folder, 'module.json'), JSON.stringify(manifest))
    await writeFile(
      join(folder, 'main.py'),
      `import os, sys
gpu = os.environ["CUDA_VISIBLE_DEVICES"]
open(${JSON.stringify(join(place, `${name}.seen`))}, "a").write(gpu + "\\n")
if ${isPicky ? 'gpu == "0"' : 'False'}: sys.exit("no GPU")
print('{"status": "success", "outputs": {}}')
`,
    )
  }
  const states = () => Object.fromEntries(catalogue.inventory().map(({ name, status }) => [name, status]))
  const seen = (name: string) => readFile(join(place, `${name}.seen`), 'utf8')
  try {
    await add('easy', false)
    await add('picky', true)
    await catalogue.scan()
    await until(() => states().easy === 'AVAILABLE' && states().picky === 'ERROR', 30_000)
    gpus = [gpu]
    signals.gpusChanged.emit(gpus)
    expect(catalogue.available().map(({ name }) => name)).toEqual(['easy'])
    await until(() => states().picky === 'AVAILABLE' && states().easy === 'AVAILABLE', 30_000)
    expect([await seen('easy'), await seen('picky')]).toEqual(['0\nGPU-1\n', '0\nGPU-1\n'])
    signals.gpusChanged.emit(gpus)
    expect(states()).toEqual({ easy: 'AVAILABLE', picky: 'AVAILABLE' })
  } finally {
    await catalogue.close()
    await watchdog.close()
    await rm(place, { recursive: true })
  }
}, 60_000)
