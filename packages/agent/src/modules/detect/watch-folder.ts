import { watch } from 'chokidar'
import { isIgnored } from './folder-listing.ts'

/**
 * Tells of every change below a folder, also when the folder is made later. Where the system cannot watch (too many
 * files, a network drive) `onError` is told, and changes are found when somebody asks for a scan.
 */
export function watchFolder(
  folder: string,
  on: { change(): void; error(error: unknown): void },
): { close(): Promise<void> } {
  const watcher = watch(folder, {
    ignoreInitial: true,
    followSymlinks: false,
    ignored: (path) => path !== folder && isIgnored(path),
  })
  watcher.on('all', on.change)
  watcher.on('error', on.error)
  return { close: () => watcher.close() }
}
