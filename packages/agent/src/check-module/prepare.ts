import { basename, join } from 'node:path'
import type { Manifest } from '@millrace/shared/for-agents'
import type { Named } from '../modules/detect/name-modules.ts'
import { interpreterFinder } from '../modules/install/interpreter.ts'
import { installAndTest } from '../modules/install-and-test.ts'
import { snapshotFolder } from '../modules/install-outcome.ts'
import { detected, type RunnableModule } from '../modules/known-module.ts'
import { readRequirements } from '../modules/manifest/requirements.ts'
import type { StepFollower } from '../modules/steps/run-step.ts'
import type { ModuleVariables } from '../process/module-variables.ts'
import type { Watchdog } from '../process/stop/watchdog.ts'
import { markUsed } from './home.ts'
import type { Steps } from './steps.ts'

/** Builds the environment, runs set-up and test, as the agent does. When one fails, ends its step with the cause and returns `null`. */
export async function prepare(
  found: Named,
  manifest: Manifest,
  o: {
    home: string
    own: NodeJS.ProcessEnv
    variables: ModuleVariables
    watchdog: Watchdog
    steps: Steps
    signal: AbortSignal
  },
): Promise<RunnableModule | null> {
  const { steps } = o
  const module = detected(found, undefined, false)
  const findPython = interpreterFinder(o.own)
  const hasRequirements = (await readRequirements(found.folder, manifest)) !== null
  let python = ''
  const copy = snapshotFolder(o.home, found.name, found.digest)
  steps.rename(copy, found.folder)
  // The test's input file is derived from test_data.json, and gone after the test.
  const withTestData = (arg: string) =>
    basename(arg) === 'input.json' ? join(found.folder, 'test_data.json') : arg
  const follow: StepFollower = {
    began({ command, args }) {
      const isModule = args[0] === join(copy, manifest.entryPoint)
      if (module.status === 'INSTALLING' && isModule) steps.enter('setup')
      else if (module.status === 'INSTALLING') steps.note(`${python}, installed`)
      steps.command([command, ...(isModule ? args.map(withTestData) : args)])
    },
    line: (_, text) => steps.line(text),
    ended: (end) => steps.commandEnded(end),
  }
  const ready = await installAndTest({
    ...o,
    module,
    follow,
    findInterpreter: async (wanted) => {
      const interpreter = await findPython(wanted)
      if ('fault' in interpreter) return interpreter
      python = `Python ${interpreter.version}`
      // The note changes if something has to be installed.
      steps.note(`${python}, ${hasRequirements ? 'from cache' : 'nothing to install'}`)
      return interpreter
    },
    changed() {
      if (module.status === 'INSTALLING') steps.enter('environment')
      if (module.status === 'TESTING') steps.enter('test')
    },
    onInstallLines: () => undefined,
  })
  o.signal.throwIfAborted()
  if (ready === 'called off') {
    steps.end('The folder changed during the copy: run the check again')
    return null
  }
  if (ready.outcome.envDir) await markUsed(ready.outcome.envDir)
  if (!ready.runnable) steps.end(ready.outcome.error)
  return ready.runnable
}
