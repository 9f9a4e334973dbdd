import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { identify, type ProcessIdentity } from '@millrace/std/process'
import { privateFolder } from '../home/secret-file.ts'

export type Command = { file: string; parameters: string[]; env: Record<string, string> }
export type Started = {
  identity: ProcessIdentity
  ended: Promise<void>
  /** The last megabyte that it wrote to its log since its start. */
  said(): Promise<string>
}

const keepBytes = 10 * 1024 * 1024
const readBytes = 1024 * 1024

/** Starts a process in a separate group, so that Ctrl-C and a group's SIGTERM reach only us; its output in `logFile`. */
export async function spawnLogged(
  { file, parameters, env }: Command,
  logFile: string,
  cwd: string,
): Promise<Started> {
  await privateFolder(dirname(logFile))
  await turnOver(logFile)
  const output = await open(logFile, 'a', 0o600)
  try {
    const from = (await output.stat()).size
    const child = spawn(file, parameters, {
      cwd,
      env,
      stdio: ['ignore', output.fd, output.fd],
      detached: process.platform !== 'win32',
      windowsHide: true,
    })
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    await once(child, 'spawn') // rejects when the program does not exist
    const pid = child.pid ?? Number.NaN
    return { identity: identify(pid) ?? { pid, started: 'gone' }, ended, said: () => readFrom(logFile, from) }
  } finally {
    await output.close()
  }
}

async function readFrom(logFile: string, from: number): Promise<string> {
  const file: FileHandle = await open(logFile, 'r')
  try {
    const { size } = await file.stat()
    const start = Math.max(from, size - readBytes)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.max(0, size - start)), 0, null, start)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}

/** Rotates a long log at a start and keeps one older file. */
async function turnOver(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0, // a first start
  )
  if (size < keepBytes) return
  await rm(`${logFile}.1`, { force: true })
  await rename(logFile, `${logFile}.1`)
}
