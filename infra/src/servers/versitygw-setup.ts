import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Root, withMc } from './run-mc.ts'
import { type BucketUser, policyFor, threeUsers } from './three-users.ts'

export type VersitygwSetup = Root & {
  bucket: string
  /** Whose pages may use the store. */
  origins: string[]
}

/** The bucket, what its users may do, and whose pages. Versitygw keeps all of it with the bucket, so it is safe to repeat. */
export const setUpVersitygw = (setup: VersitygwSetup): Promise<void> =>
  withMc(setup, async (mc, scratch) => {
    const bucket = `root/${setup.bucket}`
    await mc(['mb', '--ignore-existing', bucket])
    const policy = join(scratch, 'policy.json')
    await writeFile(policy, await bucketPolicy(setup.bucket))
    await mc(['anonymous', 'set-json', policy, bucket])
    if (!setup.origins.length) return
    const cors = join(scratch, 'cors.xml')
    await writeFile(cors, corsFor(setup.origins))
    await mc(['cors', 'set', bucket, cors])
  })

/** It knows no policies of users: theirs become the bucket's, each statement for its user. */
async function bucketPolicy(bucket: string): Promise<string> {
  const statements = threeUsers.map(async (user) => statementsFor(user, await policyFor(user, bucket)))
  return JSON.stringify({ Version: '2012-10-17', Statement: (await Promise.all(statements)).flat() })
}

function statementsFor(user: BucketUser, policy: string): object[] {
  const { Statement }: { Statement: object[] } = JSON.parse(policy)
  return Statement.map((statement) => ({ ...statement, Principal: { AWS: [user] } }))
}

/** What docs/deployment.md asks of a store. */
function corsFor(origins: string[]): string {
  const each = (name: string, values: string[]) =>
    values.map((value) => `<${name}>${escaped(value)}</${name}>`).join('')
  const rule = [
    each('AllowedOrigin', origins),
    each('AllowedMethod', ['PUT', 'GET', 'HEAD']),
    each('AllowedHeader', ['content-type', 'if-none-match', 'x-amz-checksum-sha256']),
  ]
  return `<CORSConfiguration><CORSRule>${rule.join('')}</CORSRule></CORSConfiguration>`
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
