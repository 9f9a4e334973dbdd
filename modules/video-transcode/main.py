"""Turns a video into another format, with the ffmpeg that lies inside imageio-ffmpeg's wheel.

    python main.py --mode test --input_file test_data.json
"""

import collections
import os
import re
import subprocess

from millrace_module import InvalidInput, module

# Even sides, as H.264 wants them; never larger than the source.
PICTURE = "-map 0:v:0 -map 0:a:0? -vf {tone_map}scale=w=-2:h='trunc(min({max_height},ih)/2)*2' -pix_fmt yuv420p "
SOUND = "-map 0:a:0 -vn "

# Colours of a screen with high dynamic range, as those of every screen. Left as they are, eight bits a colour would show bands, and
# players that do not know the label would show them pale.
TONE_MAP = "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:desat=0,zscale=t=bt709:m=bt709:r=tv,"

FORMATS = {
    "mp4": PICTURE + "-c:v libx264 -preset veryfast -crf 23 -c:a aac -b:a 128k -movflags +faststart",
    "webm": PICTURE + "-c:v libvpx-vp9 -crf 33 -b:v 0 -deadline realtime -cpu-used 7 -c:a libopus -b:a 96k",
    "mp3": SOUND + "-c:a libmp3lame -q:a 3",
    # Two channels at the most: more would need a kind of wave file that few programs read.
    "wav": SOUND + "-c:a pcm_s16le -af aformat=channel_layouts=mono|stereo",
}


@module
def main(inputs, task):
    """Turns a video into another format, or into its sound alone."""
    video, wanted = inputs["video"], inputs["format"]
    source = look(video)
    if not source["kinds"]:
        raise InvalidInput("this is not a video that ffmpeg can read")
    missing = "Video" if FORMATS[wanted].startswith(PICTURE) else "Audio"
    if missing not in source["kinds"]:
        what = {"Video": "no picture", "Audio": "no sound"}[missing]
        raise InvalidInput("the video has %s: it cannot become a file of the format %s" % (what, wanted))
    target = task.output("media." + wanted)
    tone_map = TONE_MAP if source["is_hdr"] else ""
    options = FORMATS[wanted].format(max_height=inputs["max_height"] or 1000000, tone_map=tone_map).split()
    convert(task, ["-i", video, *options, target], source["seconds"])
    return {"media": target, "seconds": look(target)["seconds"]}


def ffmpeg(*arguments):
    import imageio_ffmpeg

    # Files only: a playlist that pretends to be a video shall not fetch anything.
    safe = ["-hide_banner", "-nostats", "-protocol_whitelist", "file", "-y"]
    return subprocess.Popen(
        [imageio_ffmpeg.get_ffmpeg_exe(), *safe, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def look(path):
    """The kinds of streams in a file, its duration if known, and its dynamic range: the wheel has no ffprobe."""
    said, _ = ffmpeg("-i", path).communicate()
    length = re.search(r"Duration: (\d+):(\d+):(\d+\.\d+)", said)
    hours, minutes, seconds = map(float, length.groups()) if length else (0, 0, 0)
    return {
        "kinds": set(re.findall(r"Stream #0:\d+.*?: (Video|Audio): ", said)),
        "seconds": round(hours * 3600 + minutes * 60 + seconds, 2),
        # Perceptual quantizer, and hybrid log-gamma.
        "is_hdr": bool(re.search(r"Video: .*(smpte2084|arib-std-b67)", said)),
    }


def convert(task, arguments, seconds):
    """Runs ffmpeg to its end with progress; a cancelled task ends it at once."""
    threads = os.environ.get("OMP_NUM_THREADS", "0")
    said = collections.deque(maxlen=15)
    with ffmpeg("-loglevel", "warning", "-progress", "pipe:1", "-threads", threads, *arguments) as process:
        try:
            for line in process.stdout:
                key, _, value = line.strip().partition("=")
                if key == "out_time_us" and value.isdigit():
                    done = int(value) / 1e6
                    task.progress(100 * done / seconds if seconds else 0, "%.1f s" % done)
                elif not re.fullmatch(r"\w+=\s*\S*", line.strip()):
                    said.append(line.strip())
                    task.log(line.strip())
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise RuntimeError("ffmpeg ended with %d: %s" % (process.returncode, " / ".join(said)))


@main.check
def check(outputs, task):
    found = look(outputs["media"])
    assert found["kinds"] == {"Video", "Audio"}, "the result has only %s" % found["kinds"]
    wanted = task.expected["seconds"]
    assert abs(found["seconds"] - wanted) < 0.2, "%s s instead of %s" % (found["seconds"], wanted)


if __name__ == "__main__":
    main.start()
