import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { Requirements } from '../manifest/requirements.ts'
import { contentsOf } from './contents.ts'
import type { Interpreter } from './interpreter.ts'

/**
 * Names an environment by everything that determines its contents, so that equal requirements share one. This includes the
 * bytes of files that the requirements name, in the module's folder or elsewhere. A build may read the whole folder, so its
 * environment belongs to this version of the module alone.
 */
export async function environmentDigest(o: {
  requirements: Requirements
  interpreter: Interpreter
  torchBackend: string | null
  allowBuilds: boolean
  moduleDigest: string
  /** Digest of the helper's wheel, where the requirements name it. */
  helperDigest: string | null
  /** The snapshot. */
  folder: string
}): Promise<string> {
  const { text, named, file } = o.requirements
  const beside = [...named, ...configurations.map((name) => join(dirname(file), name))]
  const contents = await contentsOf(beside, o.folder)
  return createHash('sha256')
    .update(
      JSON.stringify([
        o.interpreter.version,
        o.interpreter.path,
        process.platform,
        process.arch,
        o.torchBackend,
        text,
        o.allowBuilds && contents.length > 0 ? o.moduleDigest : null,
        ...(contents.length > 0 ? [contents] : []),
        ...(o.allowBuilds ? ['builds'] : []),
        ...(o.helperDigest === null ? [] : ['helper', o.helperDigest]),
      ]),
    )
    .digest('hex')
}

/** uv reads its settings from here. */
const configurations = ['uv.toml', 'pyproject.toml']
