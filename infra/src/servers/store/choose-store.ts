import { join } from 'node:path'
import { exists } from '../../find/exists.ts'
import { type Finding, locateProgram } from '../../find/find-programs.ts'

export type StoreKind = 'versitygw' | 'minio'
/** `atHand`: its programs need not be fetched. */
export type ChosenStore = { kind: StoreKind; atHand: boolean }

/**
 * The store of this home: `OBJECT_STORE`, else the one that already holds its files, else the first that is at
 * hand. Versitygw comes before MinIO, because MinIO accepts forged requests.
 */
export async function chooseStore(home: string, finding: Finding): Promise<ChosenStore> {
  const named = storeNamed(finding.env.OBJECT_STORE)
  const [versitygw, minio, mc] = await Promise.all([
    locateProgram('versitygw', finding),
    locateProgram('minio', finding),
    locateProgram('mc', finding),
  ])
  const atHand: Record<StoreKind, boolean> = { versitygw: !!versitygw, minio: !!minio && !!mc }
  const holding = await storeOf(home)
  const onPath = minio?.source === 'path' && mc?.source === 'path'
  const kind = named ?? holding ?? (atHand.versitygw || !onPath ? 'versitygw' : 'minio')
  return { kind, atHand: atHand[kind] }
}

function storeNamed(text: string | undefined): StoreKind | undefined {
  if (!text) return
  if (text === 'versitygw' || text === 'minio') return text
  throw new Error(`OBJECT_STORE=${text}: choose versitygw or minio`)
}

async function storeOf(home: string): Promise<StoreKind | undefined> {
  for (const kind of ['versitygw', 'minio'] as const) {
    if (await exists(join(home, kind, 'keys.json'))) return kind
  }
}
