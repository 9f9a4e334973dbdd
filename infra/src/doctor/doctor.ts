import type { Settings } from '../supervise/settings.ts'
import type { Finding } from './check.ts'
import { clockChecks } from './clock.ts'
import { installationChecks } from './installation.ts'
import { machineChecks } from './machine.ts'
import { serverChecks } from './servers.ts'

const signs = { fine: '✓', note: '·', problem: '✗' }

/** Checks what a newcomer can get wrong, and prints a line per check. Resolves with the number of problems. */
export async function doctor(settings: Settings, print: (line: string) => void): Promise<number> {
  const checks = [
    ...machineChecks(settings),
    ...clockChecks(settings),
    ...serverChecks(settings),
    ...installationChecks(settings),
  ]
  const found = (await Promise.all(checks.map((check) => check()))).flat()
  for (const { what, state, detail, remedy } of found) {
    print(`${signs[state]} ${what}: ${detail}`)
    if (remedy) print(`    ${remedy}`)
  }
  const problems = found.filter(({ state }: Finding) => state === 'problem').length
  print(problems === 0 ? '\nNo problem found.' : `\n${problems} to solve.`)
  return problems
}
