import { z } from 'zod'
import { newUlid } from '../../ids.ts'
import type { Ports } from '../../ports.ts'

/** Outside `incoming/` and `runs/`, so that no upload URL can write it. */
const ownerKey = 'millrace-installation'
const noteId = 'installation'
const Note = z.object({ id: z.string(), hasMarked: z.boolean() })

/**
 * Whether the bucket belongs to this database: both hold the same id. Without this check, an API on the wrong bucket or
 * on an empty database would take every object for garbage and every file for lost. The first API on a bucket without
 * an owner takes it; if the mark disappears later, no API takes the bucket again. The warning has the id to write into
 * the mark to hand the bucket over.
 */
export async function ownsBucket(ports: Ports): Promise<boolean> {
  const { id, hasMarked } = await note(ports)
  const mark = await ports.objects.read(ownerKey)
  if (mark === null && !hasMarked) await ports.objects.write(ownerKey, id, 'text/plain')
  const found = mark ?? (await ports.objects.read(ownerKey))
  const isOurs = found === id
  if (!isOurs)
    ports.logger.warn(
      { object: ownerKey, found, wanted: id },
      'the bucket does not have the mark of this database; the janitor does not run',
    )
  if (isOurs && !hasMarked)
    await ports.store.meta.change(noteId, (doc) => ({
      ...doc,
      json: JSON.stringify({ id, hasMarked: true }),
    }))
  return isOurs
}

async function note(ports: Ports): Promise<z.infer<typeof Note>> {
  const there = await ports.store.meta.get(noteId)
  if (there) return Note.parse(JSON.parse(there.json))
  const json = JSON.stringify({ id: newUlid(), hasMarked: false })
  await ports.store.meta.insert({ _id: noteId, rev: 1, at: ports.clock.now(), json })
  return note(ports)
}
