import { resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { processesWith } from '../support/processes-of.ts'
import { until } from '../support/until.ts'
import { filmTools } from './film.ts'
import { type Ran, type Workshop, workshop } from './workshop.ts'
import { expectRefusals } from './wrong-files.ts'

const carphone = resolve(import.meta.dirname, '../samples/carphone.mp4')
const astronaut = resolve(import.meta.dirname, '../../demo/pictures/astronaut.jpg')

let here: Workshop
let film: ReturnType<typeof filmTools>
/** Three seconds, 320 × 240: one of red, two of blue, and the tone A. */
let clip: string
beforeAll(async () => {
  here = await workshop(['video-thumbnail', 'video-transcode', 'video-faces'])
  film = filmTools(here)
  const colours = ['color=red:s=320x240:r=25:d=1', 'color=blue:s=320x240:r=25:d=2', 'sine=f=440:d=3']
  const sources = colours.flatMap((source) => ['-f', 'lavfi', '-i', source])
  const joined = ['-filter_complex', 'concat', '-map', '2:a', '-c:v', 'mpeg4', '-c:a', 'aac']
  clip = await film.made('clip.mov', [...sources, ...joined])
})
afterAll(() => here?.close())

describe('video-thumbnail', () => {
  test.each([
    [
      { max_width: 100, at_seconds: 2 },
      { width: 100, height: 75 },
    ],
    [{}, { width: 192, height: 144 }], // as it is, but with square pixels
  ])('takes %j as %j', async (options, size) => {
    const { code, outputs } = await here.run('video-thumbnail', { video: carphone, ...options })
    expect(code).toBe(0)
    expect(await film.lookAt(outputs.thumbnail)).toMatchObject({
      video: { codec: 'mjpeg', frames: 1, ...size },
    })
  })

  test('takes the picture of the time asked for', async () => {
    const at = async (at_seconds: number) => {
      const { outputs } = await here.run('video-thumbnail', { video: clip, at_seconds })
      return film.meanColour(outputs.thumbnail)
    }
    expect(await at(0.5)).toMatchObject({ red: expect.closeTo(254, -1), blue: expect.closeTo(0, -1) })
    expect(await at(1.5)).toMatchObject({ red: expect.closeTo(0, -1), blue: expect.closeTo(254, -1) })
  })

  test('shows colours of a high dynamic range as others are', async () => {
    const { outputs } = await here.run('video-thumbnail', { video: await hdr(), at_seconds: 0 })
    expect(await film.meanColour(outputs.thumbnail)).toMatchObject(grey)
  })

  test('refuses a time after the end', async () => {
    const error = { message: 'the video has no picture at 60 s: it is shorter', retry_possible: false }
    const ran = await here.run('video-thumbnail', { video: clip, at_seconds: 60 })
    expect(ran).toMatchObject({ code: 2, error })
  })
})

/** Grey of 100 candela per square metre, half of what paper shows in daylight: half-way in PQ, as white as most screens are. */
const hdr = () =>
  film.made('hdr.mp4', [
    ...['-f', 'lavfi', '-i', 'color=0x828282:s=320x240:r=10:d=1,format=yuv420p10le', '-c:v', 'libx265'],
    ...['-x265-params', 'colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none'],
    ...['-color_primaries', 'bt2020', '-color_trc', 'smpte2084', '-colorspace', 'bt2020nc'],
  ])
/** Left as it is, it would be 130 of 255. */
const light = { asymmetricMatch: (value: unknown) => Number(value) > 170 }
const grey = { red: light, green: light, blue: light }

describe('video-transcode', () => {
  test('shows colours of a high dynamic range as others are', async () => {
    const { code, outputs } = await here.run('video-transcode', { video: await hdr(), format: 'mp4' })
    expect(code).toBe(0)
    const { outputs: taken } = await here.run('video-thumbnail', {
      video: String(outputs.media),
      at_seconds: 0,
    })
    expect(await film.meanColour(taken.thumbnail)).toMatchObject(grey)
  })

  const picture = { width: 160, height: 120 }
  test.each([
    ['mp4', { format: 'mov', video: { ...picture, codec: 'h264' }, audio: { codec: 'aac' } }],
    ['webm', { format: 'matroska', video: { ...picture, codec: 'vp9' }, audio: { codec: 'opus' } }],
    ['mp3', { format: 'mp3', video: null, audio: { codec: /^mp3/ } }],
    ['wav', { format: 'wav', video: null, audio: { codec: 'pcm_s16le' } }],
  ])('makes %s', async (format, wanted) => {
    const ran = await here.run('video-transcode', { video: clip, format, max_height: 120 })
    expectDone(ran)
    expect(ran.outputs).toMatchObject({
      media: expect.stringMatching(`/media.${format}$`),
      seconds: expect.closeTo(3, 0),
    })
    const found = await film.lookAt(ran.outputs.media)
    const { codec } = wanted.audio
    const audio = { codec: expect.stringMatching(codec), seconds: expect.closeTo(3, 0), hertz: 440 }
    expect(found).toMatchObject({ ...wanted, format: expect.stringContaining(wanted.format), audio })
  })

  test('keeps the size when none is named', async () => {
    const ran = await here.run('video-transcode', { video: carphone })
    expectDone(ran)
    expect(await film.lookAt(ran.outputs.media)).toMatchObject({
      video: { width: 176, height: 144, frames: 120 },
      audio: null,
    })
  })

  test('makes no sound of a video that has none', async () => {
    const message = 'the video has no sound: it cannot become a file of the format wav'
    const error = { type: 'InvalidInput', message, retry_possible: false }
    expect(await here.run('video-transcode', { video: carphone, format: 'wav' })).toMatchObject({
      code: 2,
      error,
    })
  })

  test('ends its ffmpeg when it is cancelled', async () => {
    const long = [
      '-f',
      'lavfi',
      '-i',
      'testsrc2=s=1280x720:r=30:d=30',
      '-c:v',
      'mpeg4',
      '-preset',
      'ultrafast',
    ]
    const input = await here.inputFile({ video: await film.made('long.mov', long), format: 'webm' })
    const child = here.start('video-transcode', ['--mode', 'run', '--input_file', input])
    const ended = new Promise((done) => child.once('close', (code) => done(code)))
    await new Promise((begun) => child.stdout.once('data', begun))
    const ofThisTest = `TMPDIR=${here.folder}`
    expect(await processesWith(ofThisTest)).toHaveLength(2)
    child.stdin.write('{"type":"cancel"}\n')
    expect(await ended).toBe(130)
    await until('no ffmpeg is left', 5, async () => (await processesWith(ofThisTest)).length === 0)
  })
})

describe('video-faces', () => {
  test('finds a face in about 70 of the 120 frames of a man in a car', async () => {
    const ran = await here.run('video-faces', { video: carphone })
    expectDone(ran)
    const { frames, frames_with_faces, tracks, annotated } = ran.outputs
    expect(frames).toHaveLength(120)
    expect(frames_with_faces).toBeGreaterThanOrEqual(60)
    expect(frames_with_faces).toBeLessThanOrEqual(80)
    expect(tracks).toBeLessThanOrEqual(5)
    expect(frames).toContainEqual(expect.objectContaining({ frame: 119, seconds: 3.971 }))
    expect(await film.lookAt(annotated)).toMatchObject({
      video: { width: 176, height: 144, frames: 120, seconds: expect.closeTo(4, 1) },
    })
  })

  test('follows one face that moves, and draws a frame around it', async () => {
    const moving = [
      '-loop',
      '1',
      '-framerate',
      '12',
      '-i',
      astronaut,
      '-vf',
      'crop=400:200:4*n:0',
      '-frames:v',
      '10',
    ]
    const ran = await here.run('video-faces', { video: await film.made('moving.mp4', moving), min_size: 60 })
    expectDone(ran)
    expect(ran.outputs).toMatchObject({ frames_with_faces: 10, tracks: 1 })
    const face = { y: expect.closeTo(66, -1.3), width: expect.closeTo(95, -1.3), track: 1 }
    expect(ran.outputs.frames).toMatchObject([
      { frame: 0, seconds: 0, faces: [{ ...face, x: expect.closeTo(177, -1.3) }] },
      ...Array.from({ length: 8 }, () => ({ faces: [{ track: 1 }] })),
      { frame: 9, faces: [{ ...face, x: expect.closeTo(177 - 36, -1.3) }] },
    ])
    expect(await film.greenShare(ran.outputs.annotated)).toBeGreaterThan(0.003)
  })

  test('finds none in pictures without one', async () => {
    const ran = await here.run('video-faces', { video: clip })
    expectDone(ran)
    expect(ran.outputs).toMatchObject({ frames_with_faces: 0, tracks: 0 })
    expect(await film.greenShare(ran.outputs.annotated)).toBe(0)
  })

  test('sees a lying recording upright, as its note says', async () => {
    const lying = await film.made('lying.mp4', ['-i', carphone, '-vf', 'transpose=clock', '-frames:v', '30'])
    const noted = await film.made('noted.mp4', ['-display_rotation:v:0', '90', '-i', lying, '-c', 'copy'])
    const { outputs } = await here.run('video-faces', { video: noted })
    expect(outputs.frames_with_faces).toBeGreaterThan(20)
    expect(await film.lookAt(outputs.annotated)).toMatchObject({ video: { width: 176, height: 144 } })
  })
})

describe.each(['video-thumbnail', 'video-transcode', 'video-faces'])('%s', (module) => {
  test('refuses what is no video', () =>
    expectRefusals(here.folder, 'mp4', (video) => here.run(module, { video })))
})

function expectDone({ code, status, error, percents }: Ran): void {
  expect({ code, status, error }).toEqual({ code: 0, status: 'success', error: undefined })
  expect(percents.length).toBeGreaterThan(0)
  expect(percents).toEqual(percents.toSorted((a, b) => a - b))
  expect(percents.at(-1)).toBeGreaterThan(90)
}
