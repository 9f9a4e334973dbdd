import { access } from 'node:fs/promises'
import { extname, isAbsolute, join, resolve } from 'node:path'

const shipped = join(import.meta.dirname, '..', 'pictures')

/** The picture to work on: a path from the caller's working directory, or the name of a bundled one. */
export async function choosePicture(wanted: string | undefined, env: NodeJS.ProcessEnv): Promise<string> {
  const name = wanted ?? 'astronaut.jpg'
  // npm runs scripts in the repository's root; INIT_CWD is the caller's working directory.
  const places = isAbsolute(name)
    ? [name]
    : [resolve(env.INIT_CWD ?? '.', name), resolve(name), join(shipped, name)]
  for (const place of places) if (await exists(place)) return place
  throw new Error(
    `The picture ${name} does not exist. Give the path of a JPEG or PNG, or astronaut.jpg, or coffee.png.`,
  )
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}

/** By the extension; the API rejects what is neither JPEG nor PNG. */
export function contentTypeOf(name: string): string {
  const types: Record<string, string> = { '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.png': 'image/png' }
  return types[extname(name).toLowerCase()] ?? 'application/octet-stream'
}
