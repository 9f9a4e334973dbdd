import { decodeTime, encodeTime } from 'ulid'

/** The time in an id, to the millisecond. */
export const timeOf = (id: `${string}_${string}`): Date => new Date(decodeTime(id.slice(id.indexOf('_') + 1)))

/** Every id of this kind that has the time, or a later one, is greater than this. */
export const firstIdAt = <P extends string>(prefix: P, time: Date): `${P}_${string}` =>
  `${prefix}_${encodeTime(Math.max(0, time.getTime()), 10)}`
