import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Collection, MongoClient } from 'mongodb'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { startMongo } from './start-mongo.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 120_000 })

let home: string
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'millrace-mongo-'))
})
afterAll(() => rm(home, { recursive: true, force: true }))

type Thing = { _id: string; rev: number; writer: number }

it('a database killed while it writes has lost no acknowledged write', async () => {
  const acknowledged = new Map<string, number>()
  for (let round = 0; round < 5; round++) {
    const mongo = await startMongo({ home })
    const client = new MongoClient(mongo.env.MONGODB_URL ?? '', {
      serverSelectionTimeoutMS: 2000,
      retryWrites: false,
      writeConcern: { w: 'majority', journal: true }, // as the API does
    })
    const things = client.db().collection<Thing>('things')
    try {
      await things.createIndex({ _id: 1, rev: 1 }, { unique: true })
      const before = acknowledged.size
      const writers = Array.from({ length: 6 }, (_, writer) => writeUntilRefused(writer, round))
      await vi.waitUntil(() => acknowledged.size > before + 150, { timeout: 20_000, interval: 5 })
      process.kill(mongo.pid ?? Number.NaN, 'SIGKILL')
      await Promise.all(writers)
      await mongo.ended
    } finally {
      await client.close()
    }

    async function writeUntilRefused(writer: number, inRound: number): Promise<void> {
      for (let n = 0; ; n++) {
        const _id = `${inRound}-${writer}-${n}`
        try {
          await things.insertOne({ _id, rev: 1, writer })
          acknowledged.set(_id, 1)
          await things.updateOne({ _id, rev: 1 }, { $inc: { rev: 1 } })
          acknowledged.set(_id, 2)
        } catch {
          return // the server is gone, as it should be
        }
      }
    }
  }

  const mongo = await startMongo({ home })
  const client = new MongoClient(mongo.env.MONGODB_URL ?? '')
  try {
    const kept = new Map(
      (await client.db().collection<Thing>('things').find().toArray()).map(({ _id, rev }) => [_id, rev]),
    )
    const lost = [...acknowledged].filter(([id, rev]) => (kept.get(id) ?? 0) < rev)
    expect(acknowledged.size).toBeGreaterThan(750)
    expect(lost.slice(0, 5), `${lost.length} of ${acknowledged.size} lost`).toEqual([])
    const things = client.db().collection<Thing>('things')
    const [id = ''] = [...kept.keys()]
    await expect(things.insertOne({ _id: id, rev: 1, writer: 0 })).rejects.toMatchObject({ code: 11000 })
    expect((await things.indexes()).map((index) => index.key)).toEqual([{ _id: 1 }, { _id: 1, rev: 1 }])
  } finally {
    await client.close()
    await mongo.stop()
  }
})

it('a write that waited for the disk survives a kill only with the earlier ones that did not wait', async () => {
  const written = { inJournal: 0 }
  for (let round = 0; round < 5; round++) {
    const mongo = await startMongo({ home })
    const client = new MongoClient(mongo.env.MONGODB_URL ?? '', {
      serverSelectionTimeoutMS: 2000,
      retryWrites: false,
    })
    const [earlier, later] = [false, true].map((journal) =>
      client
        .db()
        .collection<Thing>(journal ? 'later' : 'earlier', { writeConcern: { w: 'majority', journal } }),
    ) as [Collection<Thing>, Collection<Thing>]
    try {
      const writers = Array.from({ length: 6 }, async (_, writer) => {
        try {
          for (let n = 0; ; n++) {
            const thing = { _id: `${round}-${writer}-${n}`, rev: 1, writer }
            await earlier.insertOne(thing)
            await later.insertOne(thing)
            written.inJournal++
          }
        } catch {
          // the server is gone, as it should be
        }
      })
      const before = written.inJournal
      await vi.waitUntil(() => written.inJournal > before + 150, { timeout: 20_000, interval: 5 })
      process.kill(mongo.pid ?? Number.NaN, 'SIGKILL')
      await Promise.all(writers)
      await mongo.ended
    } finally {
      await client.close()
    }
  }

  const mongo = await startMongo({ home })
  const client = new MongoClient(mongo.env.MONGODB_URL ?? '')
  try {
    const ids = async (name: string) =>
      (await client.db().collection<Thing>(name).find().toArray()).map(({ _id }) => _id)
    const earlier = new Set(await ids('earlier'))
    const later = await ids('later')
    expect(later.length).toBeGreaterThanOrEqual(written.inJournal)
    expect(later.filter((id) => !earlier.has(id))).toEqual([])
  } finally {
    await client.close()
    await mongo.stop()
  }
})
