"""Finds faces in a picture with OpenCV's frontal face cascade.

    python main.py --mode run --task_id ID --input_file FILE
    python main.py --mode test --input_file test_data.json
"""

import argparse
import json
import os
import sys
import tempfile


class InvalidInput(Exception):
    """The input can never work: trying again is of no use."""


def main():
    options = parse_arguments()
    try:
        task = read_task(options.input_file)
        outputs = run(task["inputs"], task.get("output_dir") or tempfile.mkdtemp())
        if options.mode == "test":
            check(outputs)
    except InvalidInput as error:
        return fail(error, retry_possible=False)
    except Exception as error:
        return fail(error, retry_possible=True)
    print(json.dumps({"status": "success", "outputs": outputs}))
    return 0


def parse_arguments():
    parser = argparse.ArgumentParser(description="Finds faces in a picture.")
    parser.add_argument("--mode", choices=["run", "test"], required=True)
    parser.add_argument("--input_file", required=True)
    parser.add_argument("--task_id")
    return parser.parse_args()


def read_task(path):
    with open(path, encoding="utf-8-sig") as file:
        task = json.load(file)
    # Paths from the agent are absolute; those in test_data.json are relative to that file.
    photo = task["inputs"]["photo"]
    task["inputs"]["photo"] = os.path.join(os.path.dirname(os.path.abspath(path)), photo)
    return task


def run(inputs, output_dir):
    progress(0, "loading OpenCV")
    import cv2  # takes most of the start-up time: not before the arguments are known to be right

    progress(20, "reading the picture")
    picture = read_picture(cv2, inputs["photo"])
    progress(40, "looking for faces")
    faces = find_faces(cv2, picture, min_size=inputs.get("min_size") or 40)
    progress(80, "drawing %d" % len(faces))
    annotated = os.path.join(output_dir, "annotated.jpg")
    draw(cv2, picture, faces, annotated)
    progress(100, "done")
    return {"faces": faces, "annotated": annotated}


def read_picture(cv2, path):
    import numpy

    try:
        # Not cv2.imread: on Windows it cannot open names outside the system's code page.
        data = numpy.fromfile(path, dtype=numpy.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise InvalidInput("the photo cannot be read: %s" % error) from error
    if picture is None:
        raise InvalidInput("the photo is not a picture that OpenCV can decode")
    return picture


def find_faces(cv2, picture, min_size):
    """Frames of the faces in pixels, from left to right."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    cascade = cv2.CascadeClassifier(
        os.path.join(cv2.data.haarcascades, "haarcascade_frontalface_default.xml")
    )
    found = cascade.detectMultiScale(
        grey, scaleFactor=1.1, minNeighbors=5, minSize=(min_size, min_size)
    )
    frames = sorted([int(value) for value in frame] for frame in found)
    return [dict(zip(("x", "y", "width", "height"), frame)) for frame in frames]


def draw(cv2, picture, faces, path):
    thickness = max(2, max(picture.shape[:2]) // 256)
    for face in faces:
        corner = (face["x"] + face["width"], face["y"] + face["height"])
        cv2.rectangle(picture, (face["x"], face["y"]), corner, (80, 220, 80), thickness)
    encoded, data = cv2.imencode(".jpg", picture)
    if not encoded:
        raise RuntimeError("the annotated picture cannot be encoded")
    data.tofile(path)


def check(outputs):
    """Holds what was found in the test picture against `expected`, within 5 % of the face's size."""
    own_test_data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "test_data.json")
    with open(own_test_data, encoding="utf-8-sig") as file:
        expected = json.load(file)["expected"]
    faces = outputs["faces"]
    if len(faces) != len(expected):
        raise AssertionError("expected %d faces, found %s" % (len(expected), faces))
    for face, wanted in zip(faces, expected):
        room = 0.05 * wanted["width"]
        if any(abs(face[key] - wanted[key]) > room for key in wanted):
            raise AssertionError("expected a face at %s, found %s" % (wanted, face))
    if os.path.getsize(outputs["annotated"]) == 0:
        raise AssertionError("the annotated picture is empty")


def progress(percent, message):
    print(json.dumps({"event": "progress", "percent": percent, "message": message}), flush=True)


def fail(error, retry_possible):
    description = {"type": type(error).__name__, "message": str(error), "retry_possible": retry_possible}
    print(json.dumps({"status": "error", "error": description}))
    return 1 if retry_possible else 2


if __name__ == "__main__":
    sys.exit(main())
