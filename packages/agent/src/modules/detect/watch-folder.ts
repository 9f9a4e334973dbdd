import { watch } from 'chokidar'
import { isIgnored } from './folder-listing.ts'

/**
 * Reports every change below a folder, even if the folder does not exist yet. Where the system cannot watch (too many
 * files, a network drive), it calls `on.error`, and only a requested scan finds changes.
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
