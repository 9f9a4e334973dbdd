"""Follows faces through a video: OpenCV's frontal face cascade on the frames that PyAV decodes.

    python main.py --mode test --input_file test_data.json
"""

import os

from millrace_module import InvalidInput, module

SAME_FACE = 0.3  # share of two boxes' union that they have in common
PATIENCE = 15  # frames that a face may be away and still be the same


@module
def main(inputs, task):
    """Follows faces through a video."""
    import av

    target = task.output("annotated.mp4")
    tracks = Tracks()
    frames = []
    with open_video(inputs["video"]) as source, av.open(target, "w") as result:
        video = source.streams.video[0]
        drawing = None
        total = video.frames or int((source.duration or 0) / av.time_base * (video.average_rate or 0))
        for frame in decoded(source, video):
            task.raise_if_cancelled()
            picture = upright(frame)
            faces = tracks.follow(len(frames), task.loaded(picture, inputs["min_size"]))
            frames.append({"frame": len(frames), "seconds": round(frame.time or 0, 3), "faces": faces})
            drawing = drawing or Drawing(result, video, picture)
            drawing.add(frame, picture, faces)
            if len(frames) % 10 == 0:
                task.progress(100 * len(frames) / total if total else 0, "%d frames" % len(frames))
        if not drawing:
            raise InvalidInput("the video has no frames")
        drawing.end()
    with_faces = sum(1 for frame in frames if frame["faces"])
    task.progress(100, "faces in %d of %d frames" % (with_faces, len(frames)))
    return {"frames": frames, "frames_with_faces": with_faces, "tracks": tracks.count, "annotated": target}


@main.load
def load():
    import cv2

    name = "haarcascade_frontalface_default.xml"
    cascade = cv2.CascadeClassifier(os.path.join(cv2.data.haarcascades, name))

    def find(picture, min_size):
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        return cascade.detectMultiScale(grey, scaleFactor=1.1, minNeighbors=5, minSize=(min_size, min_size))

    return find


def open_video(path):
    import av

    try:
        source = av.open(path)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise InvalidInput("this is not a video that can be read (%s)" % type(error).__name__) from error
    if not source.streams.video:
        source.close()
        raise InvalidInput("the file has no picture")
    return source


def decoded(source, video):
    import av

    try:
        yield from source.decode(video)
    except av.error.FFmpegError as error:
        raise InvalidInput("the video is damaged (%s)" % type(error).__name__) from error


def upright(frame):
    """The picture as it is to be seen: telephones write it lying, with a note of the angle."""
    import numpy

    picture = frame.to_ndarray(format="bgr24")
    return numpy.ascontiguousarray(numpy.rot90(picture, k=round(frame.rotation / 90)))


class Tracks:
    """Numbers faces so that one face keeps its number from frame to frame."""

    def __init__(self):
        self.count = 0
        self._last = {}  # number → (frame, box)

    def follow(self, at, boxes):
        self._last = {number: seen for number, seen in self._last.items() if at - seen[0] <= PATIENCE}
        boxes = sorted([int(value) for value in box] for box in boxes)
        pairs = sorted(
            ((common(box, seen), number, index)
             for index, box in enumerate(boxes)
             for number, (_, seen) in self._last.items()),
            reverse=True,
        )  # fmt: skip
        numbers = {}
        for share, number, index in pairs:
            if share >= SAME_FACE and index not in numbers and number not in numbers.values():
                numbers[index] = number
        faces = []
        for index, box in enumerate(boxes):
            if index not in numbers:
                self.count += 1
                numbers[index] = self.count
            self._last[numbers[index]] = (at, box)
            faces.append(dict(zip(("x", "y", "width", "height"), box), track=numbers[index]))
        return faces


def common(a, b):
    """The share of their union that two boxes (x, y, width, height) have in common."""
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(0, width) * max(0, height)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


class Drawing:
    """The annotated video; its frames keep their times."""

    def __init__(self, result, video, picture):
        self._result = result
        # Even sides, as H.264 wants them: an odd last row or column is left out.
        self._height, self._width = (side - side % 2 for side in picture.shape[:2])
        self._stream = result.add_stream("libx264", rate=video.average_rate or 25)
        self._stream.width, self._stream.height = self._width, self._height
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "veryfast", "crf": "23"}
        self._stream.codec_context.time_base = video.time_base

    def add(self, frame, picture, faces):
        import av
        import cv2

        for face in faces:
            x, y = face["x"], face["y"]
            cv2.rectangle(picture, (x, y), (x + face["width"], y + face["height"]), (80, 220, 80), 2)
            cv2.putText(picture, str(face["track"]), (x, y - 4), cv2.FONT_HERSHEY_PLAIN, 1, (80, 220, 80))
        if picture.shape[0] < self._height or picture.shape[1] < self._width:
            raise InvalidInput("the video changes its size")
        drawn = av.VideoFrame.from_ndarray(picture[: self._height, : self._width].copy(), format="bgr24")
        drawn.pts, drawn.time_base = frame.pts, frame.time_base
        self._result.mux(self._stream.encode(drawn))

    def end(self):
        self._result.mux(self._stream.encode(None))


@main.check
def check(outputs, task):
    wanted, found = task.expected, outputs["frames_with_faces"]
    assert len(outputs["frames"]) == wanted["frames"], "%d frames" % len(outputs["frames"])
    assert wanted["at_least"] <= found <= wanted["at_most"], "faces in %d frames" % found
    with open_video(outputs["annotated"]) as drawn:
        count = sum(1 for _ in drawn.decode(video=0))
    assert count == wanted["frames"], "the annotated video has %d frames" % count


if __name__ == "__main__":
    main.start()
