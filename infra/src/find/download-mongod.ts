import { copyFile, mkdir } from 'node:fs/promises'
import { platform } from 'node:os'
import { join } from 'node:path'
import { executable } from './platform.ts'
import { megabytes, SourceFailed, type Work } from './source.ts'

const version = '7.0.24'

/** MongoDB's own build for this platform, checked by its checksum. `MONGOMS_DOWNLOAD_MIRROR` names a mirror. */
export async function downloadMongod(into: string, work: Work): Promise<void> {
  const folder = join(work.scratch, 'official')
  await mkdir(folder, { recursive: true })
  try {
    const download = await openDownload(folder, work)
    const file = await download.getMongodPath()
    work.signal.throwIfAborted()
    await mkdir(into)
    await copyFile(file, join(into, executable('mongod')))
  } catch (error) {
    work.signal.throwIfAborted()
    const said = error instanceof Error ? error.message : String(error)
    // "Download failed for url …, Details:" and then the cause on a separate line.
    const why = said
      .split('\n')
      .at(-1)
      ?.replace(/^.*Details:\s*/, '')
      .trim()
    throw new SourceFailed(`the official download failed (${why}); MONGOMS_DOWNLOAD_MIRROR names a mirror`)
  }
}

async function openDownload(downloadDir: string, work: Work) {
  // Imported lazily: a start that finds its programs in the cache never needs it.
  const [{ MongoBinaryDownload }, { DryMongoBinary }, config] = await Promise.all([
    import('mongodb-memory-server-core/lib/util/MongoBinaryDownload.js'),
    import('mongodb-memory-server-core/lib/util/DryMongoBinary.js'),
    import('mongodb-memory-server-core/lib/util/resolveConfig.js'),
  ])
  const { ResolveConfigVariables: key, setDefaultValue } = config
  setDefaultValue(key.MAX_RETRIES, '1')
  const mirror = work.env.MONGOMS_DOWNLOAD_MIRROR
  if (mirror) setDefaultValue(key.DOWNLOAD_MIRROR, mirror)
  if (mirror?.startsWith('http:')) setDefaultValue(key.USE_HTTP, 'true')

  class Download extends MongoBinaryDownload {
    /** The library prints to the terminal; this reports its progress as one of our steps instead. */
    override printDownloadProgress({ length }: { length: number }): void {
      this.dlProgress.current += length
      const { current, length: total } = this.dlProgress
      const doing = `fetching ${megabytes(total)}, the official build ${version}`
      work.progress({ doing, amount: megabytes(current) })
    }
  }
  const options = await DryMongoBinary.generateOptions({ version, downloadDir })
  return new Download({ ...options, platform: platform(), checkMD5: true })
}
