import { entriesBelow } from './files-below.ts'

/** `bytes` of its files as they would be sent, `onDisk` what they take there: less where a file has holes. */
export type FolderSize = { bytes: number; onDisk: number }

/** Measures a folder that may change meanwhile: what has gone counts nothing. */
export async function folderSize(folder: string): Promise<FolderSize> {
  const size: FolderSize = { bytes: 0, onDisk: 0 }
  for await (const found of entriesBelow(folder)) {
    if (found.isFile()) size.bytes += found.size
    size.onDisk += found.blocks * 512
  }
  return size
}
