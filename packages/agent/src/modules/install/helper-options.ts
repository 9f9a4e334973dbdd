import { mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ifExists, writeAtomically } from '@millrace/std/fs'
import type { RequirementLines } from '../manifest/requirement-lines.ts'
import type { RunStep } from '../steps/run-step.ts'
import { type Helper, wheelBuilder } from './helper-source.ts'
import { installEnv } from './install-env.ts'
import type { Interpreter } from './interpreter.ts'

/** Whether requirements name the helper's package and leave its source to the installer. */
export const namesHelper = ({ lines }: Pick<RequirementLines, 'lines'>): boolean => lines.some(isHelper)

/**
 * The options that make an installer take the helper from a wheel that the agent builds. Requirements that name only the
 * helper need no index. No index may replace the wheel, because anyone could publish a package with this name: all other
 * versions are excluded, and among equal ones the local version of the agent's wheel is the highest.
 */
export async function helperOptions(o: Building & { installer: 'uv' | 'pip' }): Promise<string[]> {
  const folder = join(o.home, 'helper', o.helper.digest.slice(0, 12))
  const constraints = join(folder, 'constraints.txt')
  const pinned = `millrace-module==${o.helper.version}\n`
  if ((await ifExists(readFile(constraints, 'utf8'))) !== pinned) {
    await buildWheel(o, folder)
    await writeAtomically(constraints, pinned)
  }
  const isAlone = o.requirements.lines.every(isHelper)
  return [
    ...(o.installer === 'uv' ? listsOfOwner(o.own) : []),
    ...['--find-links', asUrl(folder), '-c', constraints, ...(isAlone ? ['--no-index'] : [])],
  ]
}

type Building = {
  helper: Helper
  requirements: Pick<RequirementLines, 'lines'>
  home: string
  interpreter: Interpreter
  own: NodeJS.ProcessEnv
  run: RunStep
}

/** The wheel of the helper cannot be built. */
export class NoHelper extends Error {
  override name = 'NoHelper'
}

/** `name @ URL` names its source itself. */
const isHelper = (line: string): boolean => /^millrace[-_.]+module(?![\w.-])(?!\s*@)/i.test(line)

async function buildWheel(o: Building, folder: string): Promise<void> {
  const wheels = join(o.home, 'helper')
  await rm(wheels, { recursive: true, force: true })
  await mkdir(wheels, { recursive: true })
  const end = await o.run({
    command: o.interpreter.path,
    args: ['-I', wheelBuilder, folder, 'agent'],
    cwd: wheels,
    env: installEnv(o.own),
    timeoutSeconds: 60,
  })
  if (end.exitCode !== 0)
    throw new NoHelper(
      `cannot build the wheel of millrace-module: ${end.startError ?? end.stderrTail.join('\n')}`,
    )
}

/** uv ignores its variables when the command line has the same option; pip combines both. */
const listsOfOwner = (own: NodeJS.ProcessEnv): string[] => [
  ...(own.UV_FIND_LINKS ?? '').split(',').flatMap((place) => (place ? ['--find-links', place] : [])),
  ...(own.UV_CONSTRAINT ?? '').split(/\s+/).flatMap((file) => (file ? ['-c', file] : [])),
]

/** uv splits a list of paths at commas. */
const asUrl = (folder: string): string => pathToFileURL(folder).href.replaceAll(',', '%2C')
