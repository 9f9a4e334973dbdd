import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { basename, extname, join, relative } from 'node:path'
import { type Client, connect, fromData, type Task } from '@millrace/client'
import { describeFaces, facesOf } from './faces.ts'
import { findInstallation } from './installation.ts'
import { openLog } from './log.ts'
import { choosePicture, contentTypeOf } from './picture.ts'
import { untilAvailable } from './until-available.ts'
import { watchTask } from './watch-task.ts'

const module = 'face-detect'

/** A photograph goes from upload to detected faces, through every real part. */
async function main(): Promise<number> {
  const picture = await choosePicture(process.argv[2], process.env)
  const installation = findInstallation(process.env)
  const log = openLog(join(installation.home, 'logs', 'demo.log'))
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interrupted.abort(new Error('interrupted')))
  try {
    log.report('Millrace: a photograph through upload, queue, GPU agent and back')
    const { url, key, complete } = await installation.start({ log, only: module, signal: interrupted.signal })
    const client = connect({ url, key })
    // Fetching and compiling servers takes a while; the agent installs the module meanwhile.
    await Promise.all([complete, untilAvailable(client, module, log, interrupted.signal)])
    const task = await detect(client, picture, { log, signal: interrupted.signal })
    if (task.status !== 'succeeded') throw new Error(task.error?.message ?? `the task has ${task.status}`)
    log.report(describeFaces(facesOf(task)))
    const annotated = await saveAnnotated(client, task, picture, installation.home)
    await installation.stop(log)
    log.report(`\nThe picture with the faces framed: ${short(annotated)}`)
    log.report('Next: npm start, then "From curl" in README.md; npm run demo -- your/picture.jpg')
    return 0
  } catch (error) {
    log.failed(error)
    process.stderr.write(
      `\nThe demo failed: ${error instanceof Error ? error.message : error}\n` +
        `Everything it did is in ${short(log.file)}, and npm run doctor checks this machine.\n`,
    )
    return 1
  } finally {
    await installation.stop(log)
    log.close()
  }
}

type Watching = { log: ReturnType<typeof openLog>; signal: AbortSignal }

async function detect(client: Client, picture: string, { log, signal }: Watching): Promise<Task> {
  const name = basename(picture)
  const { size } = await stat(picture)
  const photo = await client.upload({
    name,
    contentType: contentTypeOf(name),
    bytes: new Uint8Array(await readFile(picture)),
  })
  const text = `${name}, ${Math.ceil(size / 1000)} kB, straight to the object store`
  log.report({ step: 'Upload', state: 'done', text })
  const task = await client.createTask({
    module,
    label: `demo: ${name}`,
    inputs: { photo: fromData(photo.id) },
  })
  return watchTask(client, task, log, signal)
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

/** Relative to the caller's working directory, where that is shorter. */
function short(file: string): string {
  const seen = relative(process.env.INIT_CWD ?? '.', file)
  return seen.length < file.length ? seen : file
}

process.exitCode = await main()
