import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readIfThere, writeSecretFile } from '../../home/secret-file.ts'
import { type BucketUser, bucketUsers, type KeyPair, policyFor } from './bucket-users.ts'
import { type Root, withMc } from './run-mc.ts'

export type MinioSetup = Root & {
  /** Holds `data` and the note that says what was set up. */
  folder: string
  bucket: string
  users: Record<BucketUser, KeyPair>
}

/** The bucket, a policy and a user per purpose. Does nothing when the same was done before on the same data. */
export async function setUpMinio(setup: MinioSetup): Promise<void> {
  const policies = await Promise.all(bucketUsers.map((user) => policyFor(user, setup.bucket)))
  const digest = createHash('sha256')
    .update(JSON.stringify([setup.bucket, policies, setup.users]))
    .digest('hex')
  const note = join(setup.folder, 'set-up')
  if ((await readIfThere(note)) === digest) return

  await withMc(setup, async (mc, scratch) => {
    await Promise.all([
      mc(['mb', '--ignore-existing', `root/${setup.bucket}`]),
      ...bucketUsers.map(async (user, index) => {
        const file = join(scratch, `${user}.json`)
        await writeFile(file, policies[index] ?? '')
        const { key, secret } = setup.users[user]
        await withRetries(async () => {
          await mc(['admin', 'policy', 'create', 'root', user, file])
          // Key and secret go in by standard input, because every user can read a command line.
          await mc(['admin', 'user', 'add', 'root'], { input: `${key}\n${secret}\n` })
          await mc(['admin', 'policy', 'attach', 'root', user, '--user', key], { allow: 'AlreadyApplied' })
        })
      }),
    ])
  })
  await writeSecretFile(note, digest)
}

const tries = 5

/** A MinIO that has just started may forget a user or a policy that it has just accepted: then all of it again. */
async function withRetries(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === tries) throw error
      await delay(attempt * 400)
    }
  }
}
