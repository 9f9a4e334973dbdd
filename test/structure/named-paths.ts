import { readFile } from 'node:fs/promises'

const topFolders = ['packages', 'infra', 'demo', 'modules', 'test', 'bench', 'docs']

/** Files and folders of this repository that a document names in backticks; a folder ends with `/`. */
export async function namedPaths(document: string): Promise<string[]> {
  const text = await readFile(document, 'utf8')
  const quoted = [...text.matchAll(/`([^`\s]+)`/g)].map(([, inside]) => inside ?? '')
  return [...new Set(quoted.filter(isOurs))]
}

const isOurs = (path: string): boolean =>
  topFolders.some((folder) => path.startsWith(`${folder}/`)) && /^[\w./-]+$/.test(path) && !path.includes('…')
