import type { Config } from '../config/config.ts'
import { connect } from './connect.ts'
import { openAdmission } from './open-admission.ts'
import { type Base, openBase } from './open-base.ts'
import { openControls } from './open-controls.ts'
import { openMachine } from './open-machine.ts'
import { openPrograms } from './open-programs.ts'
import { openWork } from './open-work.ts'

export type Agent = Awaited<ReturnType<typeof assemble>>

/** Builds an agent, each part from earlier ones; no part calls the API yet. Throws `HomeInUse`. */
export async function assemble(config: Config, logger: Base['logger'], args: readonly string[]) {
  const base = await openBase(config, logger)
  const machine = openMachine(base)
  const admission = openAdmission(base, machine)
  const connection = connect(base, machine, admission)
  const offered = openPrograms(base, machine, admission, connection)
  const parts = { ...base, ...machine, ...admission, ...connection, ...offered }
  const working = { ...parts, ...openWork(parts) }
  return { ...working, ...openControls(working, args) }
}
