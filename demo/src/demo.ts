import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { type Client, connect, fromData, type Task } from '@millrace/client'
import { facesOf, tellFaces } from './faces.ts'
import { findInstallation } from './installation.ts'
import { choosePicture, contentTypeOf } from './picture.ts'
import { say, step } from './say.ts'
import { untilAvailable } from './until-available.ts'
import { watchTask } from './watch-task.ts'

/** A photograph goes from upload to detected faces, through every real part. */
async function main(): Promise<number> {
  const picture = await choosePicture(process.argv[2], process.env)
  const installation = findInstallation(process.env)
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interrupted.abort(new Error('interrupted')))
  try {
    const client = connect(await installation.start(interrupted.signal))
    await untilAvailable(client, 'face-detect', interrupted.signal)
    const task = await detect(client, picture, interrupted.signal)
    if (task.status !== 'succeeded') {
      say(`The task ${task.status}: ${task.error?.message ?? 'no reason was given'}`)
      return 1
    }
    tellFaces(facesOf(task))
    say(`Annotated picture: ${await saveAnnotated(client, task, picture, installation.home)}`)
    return 0
  } finally {
    await installation.stop()
  }
}

async function detect(client: Client, picture: string, signal: AbortSignal): Promise<Task> {
  const name = basename(picture)
  step(`Uploading ${name} straight to the object store`)
  const photo = await client.upload({
    name,
    contentType: contentTypeOf(name),
    bytes: new Uint8Array(await readFile(picture)),
  })
  step(`Creating a task: face-detect on ${photo.id} (${photo.size} bytes)`)
  const task = await client.createTask({
    module: 'face-detect',
    label: `demo: ${name}`,
    inputs: { photo: fromData(photo.id) },
  })
  return watchTask(client, task, signal)
}

async function saveAnnotated(client: Client, task: Task, picture: string, home: string): Promise<string> {
  const output = task.outputs.annotated
  if (!output) throw new Error('the task has no annotated picture')
  const folder = join(home, 'demo')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${basename(picture, extname(picture))}-faces.jpg`)
  await writeFile(file, await client.download(output.data))
  return file
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    process.stderr.write(`\nThe demo did not work: ${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  },
)
