import { statSync } from 'node:fs'
import { basename, isAbsolute, join, posix, relative, sep, win32 } from 'node:path'
import type { TaskError } from '@millrace/shared/for-agents'
import { withoutLastLines } from './exit-error.ts'
import type { ProcessEnd } from './run-process.ts'

type Said = { end: ProcessEnd | null; error?: TaskError | null }
type Place = { folder: string; entryPoint: string; cwd: string }

/**
 * Finds in a program's last output a file that it did not find although the module's folder has one of that name: the
 * program named it relative to the working directory, or as on its author's machine. Says how to name it, or `null`.
 */
export function hintOfPath(said: Said, place: Place): string | null {
  for (const line of lastLines(said)) {
    if (!notFound.test(line)) continue
    for (const named of pathsIn(line)) {
      const inFolder = lookUp(named, place)
      if (inFolder !== null) return wordsFor(named, inFolder, place)
    }
  }
  return null
}

/** Puts the hint, if any, in front of an error's message. */
export function withHintOfPath(error: TaskError, end: ProcessEnd, place: Place): TaskError {
  // A program that the agent stopped did not fail because of a path.
  const hint = end.stopReason ? null : hintOfPath({ end, error }, place)
  return hint === null ? error : { ...error, message: `${hint}. ${error.message}`.slice(0, 16_000) }
}

const notFound =
  /no such file|not found|not find|(?:can ?not|can't|could ?not|couldn't|unable to|failed to|fail to) (?:be )?(?:open|read|load|find|access)|does ?n[o']t exist|load model from/i

/** The lines that explain an end: its error, exceptions, and the very last lines. */
function lastLines({ end, error }: Said): string[] {
  const { stderrTail = [], stdoutTail = [] } = end ?? {}
  const exceptions = stderrTail.filter((line) => /^[\w.]*(?:Error|Exception|NoSuchFile)\b/.test(line))
  const errorLines = error ? withoutLastLines(error.message).split('\n') : []
  return [...errorLines, ...exceptions.toReversed(), ...stderrTail.slice(-3), ...stdoutTail.slice(-3)]
}

/** Every quoted text, and every word that looks like a path. */
function pathsIn(line: string): string[] {
  const quoted = [...line.matchAll(/'([^']+)'|"([^"]+)"|`([^`]+)`/g)].map(([, a, b, c]) => a ?? b ?? c ?? '')
  const words = line.split(/[\s'"`,;()[\]<>]+/).map((word) => word.replace(/(?<![:.!?])[:.!?]+$/, ''))
  return [...quoted, ...words.filter((word) => /[./\\]/.test(word))].filter((path) => path.length < 1000)
}

/** The path inside the module's folder; `null` if it does not exist there, or exists where the program searched. */
function lookUp(named: string, { folder, cwd }: Place): string | null {
  const path = named.replaceAll('\\', '/')
  if (posix.isAbsolute(path) || win32.isAbsolute(named)) {
    if (isThere(named)) return null
    const ofRun = relative(cwd, path)
    const isOfRun = isAbsolute(path) && ofRun !== '' && !ofRun.startsWith(`..${sep}`)
    return inside(folder, isOfRun ? ofRun : basename(path))
  }
  return isThere(join(cwd, path)) ? null : inside(folder, path)
}

function inside(folder: string, path: string): string | null {
  const way = posix.normalize(path.replaceAll('\\', '/')).replace(/\/$/, '')
  if (way === '.' || way === '' || way === '..' || way.startsWith('../')) return null
  return isThere(join(folder, way)) ? way : null
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined
  } catch {
    return false // the name is too long, or a parent is not a folder
  }
}

function wordsFor(named: string, inFolder: string, { entryPoint }: Place): string {
  const isOfElsewhere = posix.isAbsolute(named) || win32.isAbsolute(named)
  const how = isOfElsewhere
    ? `The module names "${named}", which does not exist, but ${inFolder} is in its folder`
    : `The module names "${named}" relative to its working directory, which is the run's folder and not its own`
  const fromEntry = posix.relative(posix.dirname(entryPoint.replaceAll('\\', '/')), inFolder)
  const main = basename(entryPoint)
  return `${how}: name a file next to ${main} as os.path.join(os.path.dirname(os.path.abspath(__file__)), "${fromEntry}")`
}
