import { randomBytes } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hasCode } from '@millrace/std/fs'

/** 152 random bits. A letter first: some configuration files would read digits as a number. MinIO takes up to 40 characters. */
export const randomSecret = (): string => `s${randomBytes(19).toString('hex')}`

/** Writes a file that only its owner may read, atomically. */
export async function writeSecretFile(file: string, text: string): Promise<void> {
  await privateFolder(dirname(file))
  const temporary = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeFile(temporary, text, { mode: 0o600 })
  await rename(temporary, file)
}

/** The text in `file`; the first call writes what `make` returns. */
export async function keptSecret(file: string, make: () => string | Promise<string>): Promise<string> {
  const kept = await readIfThere(file)
  if (kept?.trim()) {
    await chmod(file, 0o600) // a copy of the folder may have lost the mode
    return kept.trim()
  }
  const made = await make()
  await writeSecretFile(file, `${made}\n`)
  return made
}

/** Random secrets under the given names, the same at every start. */
export async function keptCredentials<Name extends string>(
  file: string,
  names: readonly Name[],
): Promise<Record<Name, string>> {
  const text = await keptSecret(file, () =>
    JSON.stringify(Object.fromEntries(names.map((name) => [name, randomSecret()])), null, 2),
  )
  const kept: Record<string, unknown> = JSON.parse(text)
  const found: Partial<Record<Name, string>> = {}
  for (const name of names) {
    const value = kept[name]
    if (typeof value !== 'string')
      throw new Error(`${file}: no ${name}; delete the file to make new credentials`)
    found[name] = value
  }
  return found as Record<Name, string>
}

export async function privateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
}

export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
