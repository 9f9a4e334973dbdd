import { readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'

export type Import = { from: string; to: string }

/** Every import of a file: as a path from the root, of our packages as the export's name, of others as the package's. */
export async function importsOf(root: string, file: string): Promise<Import[]> {
  const source = await readFile(join(root, file), 'utf8')
  const specifiers = [
    ...source.matchAll(
      /(?:^|\n)\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s)?['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/g,
    ),
  ]
  return specifiers.map(([, fixed, lazy]) => ({ from: file, to: target(root, file, fixed ?? lazy ?? '') }))
}

function target(root: string, file: string, specifier: string): string {
  if (specifier.startsWith('.')) return relative(root, resolve(root, dirname(file), specifier))
  if (specifier.startsWith('node:') || specifier.startsWith('@millrace/')) return specifier
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier)
}
