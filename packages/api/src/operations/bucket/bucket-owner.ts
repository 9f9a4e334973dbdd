import { z } from 'zod'
import type { Deps } from '../../deps.ts'
import { newUlid } from '../../ids.ts'

/** Beside `incoming/` and `runs/`, where no upload URL leads. */
export const ownerKey = 'millrace-installation'
const noteId = 'installation'
const Note = z.object({ id: z.string(), hasMarked: z.boolean() })

/**
 * Whether the bucket belongs to this database: both hold the same id. Without it, an API on the wrong bucket, or
 * on an empty database, would take every object for garbage and every file for lost. The first to ask of a
 * bucket that belongs to nobody takes it; one that has lost its mark since is not taken again. The warning tells
 * what to write into the mark to hand the bucket over.
 */
export async function ownsBucket(deps: Deps): Promise<boolean> {
  const { id, hasMarked } = await note(deps)
  const mark = await deps.objects.read(ownerKey)
  if (mark === null && !hasMarked) await deps.objects.write(ownerKey, id, 'text/plain')
  const found = mark ?? (await deps.objects.read(ownerKey))
  const isOurs = found === id
  if (!isOurs)
    deps.logger.warn(
      { object: ownerKey, found, wanted: id },
      'the bucket is not known to be that of this database: the janitor stays away',
    )
  if (isOurs && !hasMarked)
    await deps.store.meta.change(noteId, (doc) => ({ ...doc, json: JSON.stringify({ id, hasMarked: true }) }))
  return isOurs
}

async function note(deps: Deps): Promise<z.infer<typeof Note>> {
  const there = await deps.store.meta.get(noteId)
  if (there) return Note.parse(JSON.parse(there.json))
  const json = JSON.stringify({ id: newUlid(), hasMarked: false })
  await deps.store.meta.insert({ _id: noteId, rev: 1, at: deps.clock.now(), json })
  return note(deps)
}
