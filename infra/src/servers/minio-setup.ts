import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { readIfThere, writeSecretFile } from '../home/secret-file.ts'
import { type Root, withMc } from './run-mc.ts'
import { type BucketUser, policyFor, threeUsers } from './three-users.ts'

export type MinioSetup = Root & {
  /** Holds `data` and the note that says what was set up. */
  folder: string
  bucket: string
  secrets: Record<BucketUser, string>
}

/** The bucket, a policy and a user per purpose. Does nothing when the same was done before on the same data. */
export async function setUpMinio(setup: MinioSetup): Promise<void> {
  const policies = await Promise.all(threeUsers.map((user) => policyFor(user, setup.bucket)))
  const digest = createHash('sha256')
    .update(JSON.stringify([setup.bucket, policies, setup.secrets]))
    .digest('hex')
  const note = join(setup.folder, 'set-up')
  if ((await readIfThere(note)) === digest) return

  await withMc(setup, async (mc, scratch) => {
    await Promise.all([
      mc(['mb', '--ignore-existing', `root/${setup.bucket}`]),
      ...threeUsers.map(async (user, index) => {
        const file = join(scratch, `${user}.json`)
        await writeFile(file, policies[index] ?? '')
        await patiently(async () => {
          await mc(['admin', 'policy', 'create', 'root', user, file])
          // Key and secret go in by standard input: a command line is for everyone to read.
          await mc(['admin', 'user', 'add', 'root'], { input: `${user}\n${setup.secrets[user]}\n` })
          await mc(['admin', 'policy', 'attach', 'root', user, '--user', user], { allow: 'AlreadyApplied' })
        })
      }),
    ])
  })
  await writeSecretFile(note, digest)
}

const tries = 5

/** A MinIO that has just started may forget a user or a policy that it has just been told: all of it again, then. */
async function patiently(work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === tries) throw error
      await pause(attempt * 400)
    }
  }
}
