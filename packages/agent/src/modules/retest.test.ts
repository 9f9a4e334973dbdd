import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fixtures, until } from '../../fixtures/run-fixture.ts'
import { startWatchdog } from '../process/stop/watchdog.ts'
import { openSignals } from '../signals/agent-signals.ts'
import { openCatalogue } from './catalogue.ts'

it('tests an available module again at the configured interval, while it keeps serving', async () => {
  const place = await mkdtemp(join(tmpdir(), 'millrace-retest-'))
  const watchdog = startWatchdog()
  const statuses: string[] = []
  const served: number[] = []
  await cp(join(fixtures, 'misbehave'), join(place, 'modules', 'misbehave'), { recursive: true })
  const signals = openSignals()
  const catalogue = openCatalogue({
    modulesDir: join(place, 'modules'),
    home: join(place, 'home'),
    own: process.env,
    watchdog,
    logger: { info: () => undefined, warn: () => undefined, error: console.error },
    signals,
    onInstallLines: () => undefined,
    quietMs: 0,
    retestHours: 1 / 3600,
  })
  signals.modulesChanged.subscribe('test', () => {
    const [module] = catalogue.inventory()
    if (module && statuses.at(-1) !== module.status) statuses.push(module.status)
    if (module?.status === 'TESTING' && statuses.includes('AVAILABLE'))
      served.push(catalogue.available().length)
  })
  try {
    await catalogue.scan()
    await until(() => statuses.length >= 8, 30_000)
    const again = ['TESTING', 'AVAILABLE']
    expect(new Set(served)).toEqual(new Set([1]))
    expect(statuses.slice(0, 8)).toEqual(['DETECTED', 'INSTALLING', ...again, ...again, ...again])
  } finally {
    await catalogue.close()
    await watchdog.close()
    await rm(place, { recursive: true })
  }
})
