"""Takes one picture out of a video, with the ffmpeg that lies inside imageio-ffmpeg's wheel.

    python main.py --mode test --input_file test_data.json
"""

import os
import re
import subprocess

from millrace_module import InvalidInput, module

LOOKED_AT = 100  # frames
# Colours of a screen with high dynamic range, as those of every screen: no JPEG has the others.
TONE_MAP = "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=mobius:desat=0,zscale=t=bt709:m=bt709:r=tv,"


@module
def main(inputs, task):
    """Takes one picture out of a video."""
    target = task.output("thumbnail.jpg")
    at = inputs["at_seconds"]
    # Pixels that are not square are made so; nothing is enlarged.
    small = "scale=w=trunc(iw*sar):h=ih,setsar=1,scale=w='min(%d,iw)':h=-1" % inputs["max_width"]
    small += ",format=yuvj420p"
    if is_hdr(inputs["video"]):
        small = TONE_MAP + small
    if at is None:
        ffmpeg(["-i", inputs["video"]], "thumbnail=n=%d,%s" % (LOOKED_AT, small), target)
    else:
        ffmpeg(["-ss", str(at), "-i", inputs["video"]], small, target)
    if not os.path.isfile(target):
        raise InvalidInput("the video has no picture at %s s: it is shorter" % (at or 0))
    return {"thumbnail": target}


def is_hdr(video):
    """By what ffmpeg says of its colours: perceptual quantizer, or hybrid log-gamma."""
    return bool(re.search(r"Video: .*(smpte2084|arib-std-b67)", run(["-i", video])[1]))


def run(arguments):
    import imageio_ffmpeg

    # Files only: a playlist that pretends to be a video shall not fetch anything.
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-y", "-protocol_whitelist", "file", *arguments]
    end = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return end, end.stdout.decode("utf-8", "replace").strip()


def ffmpeg(source, filters, target):
    """Writes the picture; raises `InvalidInput` when the video is at fault."""
    picture = ["-map", "0:v:0", "-vf", filters, "-frames:v", "1", "-q:v", "3", "-update", "1", target]
    end, said = run(["-loglevel", "error", *source, *picture])
    if end.returncode < 0:
        raise RuntimeError("ffmpeg was killed by signal %d" % -end.returncode)
    if "received no packets" in said:
        return  # no frame at that time
    if "Error opening input" in said or "matches no streams" in said:
        print(said)
        raise InvalidInput("this is not a video that ffmpeg can read")
    if end.returncode > 0:
        raise RuntimeError("ffmpeg failed: " + said)


@main.check
def check(outputs, task):
    with open(outputs["thumbnail"], "rb") as file:
        data = file.read()
    assert data[:3] == b"\xff\xd8\xff" and data[-2:] == b"\xff\xd9", "the thumbnail is not a whole JPEG file"


if __name__ == "__main__":
    main.start()
