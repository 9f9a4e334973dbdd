import { entriesBelow } from './files-below.ts'

/** `bytes`: the size of its files when sent. `onDisk`: the space that they use, which is less for files with holes. */
export type FolderSize = { bytes: number; onDisk: number }

/** Measures a folder that may change meanwhile; files that have gone do not count. */
export async function folderSize(folder: string): Promise<FolderSize> {
  const size: FolderSize = { bytes: 0, onDisk: 0 }
  for await (const found of entriesBelow(folder)) {
    if (found.isFile()) size.bytes += found.size
    size.onDisk += found.blocks * 512
  }
  return size
}
