import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Json } from '@millrace/shared'
import type { Workshop } from './workshop.ts'

/** Makes videos, and looks at them, with what the environments of the video modules have. */
export function filmTools(here: Workshop) {
  const ask = (script: string, file: Json | undefined) => here.python('video-faces', script, String(file))
  return {
    /** Makes a video with ffmpeg, once. */
    async made(name: string, args: string[]): Promise<string> {
      const file = join(here.folder, name)
      const ffmpeg = String(await here.python('video-transcode', whereFfmpegIs))
      if (!existsSync(file)) await promisify(execFile)(ffmpeg, ['-v', 'error', ...args, file])
      return file
    },
    /** What another reader, PyAV, finds: format, picture, sound, and the sound's loudest tone. */
    lookAt: (file: Json | undefined) => ask(look, file),
    /** `{red, green, blue}`, from 0 to 255. */
    meanColour: (picture: Json | undefined) => ask(mean, picture),
    /** The share of a video's first frame that has about the colour of the drawn frames, as OpenCV reads it. */
    greenShare: (video: Json | undefined) => ask(green, video),
  }
}

const whereFfmpegIs = 'import imageio_ffmpeg, json; print(json.dumps(imageio_ffmpeg.get_ffmpeg_exe()))'

const look = `
import av, json, numpy, sys
found = {"video": None, "audio": None}
for kind in ("video", "audio"):
    with av.open(sys.argv[1]) as file:
        found["format"] = file.format.name
        stream = next(iter(getattr(file.streams, kind)), None)
        if not stream:
            continue
        frames = list(file.decode(stream))
        about = {"codec": stream.codec_context.name, "frames": len(frames)}
        if kind == "video":
            first, last = frames[0], frames[-1]
            about.update(width=first.width, height=first.height)
            if len(frames) > 1:
                about["seconds"] = (last.time - first.time) * len(frames) / (len(frames) - 1)
        else:
            samples = numpy.concatenate([frame.to_ndarray().astype(float).reshape(-1) for frame in frames])
            rate = frames[0].sample_rate
            tone = numpy.argmax(numpy.abs(numpy.fft.rfft(samples))) * rate / len(samples)
            about.update(seconds=len(samples) / rate, hertz=round(float(tone)))
        found[kind] = about
print(json.dumps(found))
`

const mean = `
import cv2, json, sys
print(json.dumps(dict(zip(("blue", "green", "red"), cv2.imread(sys.argv[1]).mean(axis=(0, 1))))))
`

const green = `
import cv2, json, numpy, sys
_, picture = cv2.VideoCapture(sys.argv[1]).read()
print(json.dumps(float((numpy.abs(picture.astype(int) - (80, 220, 80)).max(axis=2) < 40).mean())))
`
