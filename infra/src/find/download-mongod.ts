import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { executable } from './platform.ts'
import { SourceFailed, type Work } from './source.ts'

const version = '7.0.24'

/** MongoDB's own build for this platform. `MONGOMS_DOWNLOAD_MIRROR` names a mirror of it. */
export async function downloadMongod(into: string, work: Work): Promise<void> {
  work.progress({ doing: `MongoDB ${version} from its makers` })
  // Loaded late: a start that finds its programs in the cache never needs it.
  const { MongoBinary } = await import('mongodb-memory-server-core/lib/util/MongoBinary.js')
  try {
    const file = await MongoBinary.getPath({ version, downloadDir: join(work.scratch, 'official') })
    await mkdir(into)
    await copyFile(file, join(into, executable('mongod')))
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error)
    throw new SourceFailed(`the official download failed (${why}); MONGOMS_DOWNLOAD_MIRROR names a mirror`)
  }
}
