"""Reads the text in a picture with RapidOCR (PaddleOCR's models, which lie inside its wheel).

    python main.py --mode test --input_file test_data.json
"""

import os

from millrace_module import InvalidInput, module


@module
def main(inputs, task):
    """Reads the text in a picture."""
    picture = read_picture(inputs["picture"])
    task.progress(20, "reading %d x %d pixels" % picture.size)
    # No turning of lines: the classifier for it takes some upright lines for ones that stand on their head.
    found = task.loaded(picture, use_cls=False, text_score=inputs["min_confidence"])
    lines = [
        {"text": text, "confidence": round(float(score), 4), "box": box.round().astype(int)}
        for text, score, box in zip(found.txts or (), found.scores or (), found.boxes if found.txts else ())
    ]
    task.progress(100, "%d lines" % len(lines))
    return {"text": "\n".join(line["text"] for line in lines), "lines": lines}


@main.load
def load():
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # onnxruntime's; read when it is imported
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "warning",
            # Without a path it downloads a font for drawings, which this module does not make. The file is never opened.
            "Global.font_path": os.path.join(main.folder, "no-font.ttf"),
            "EngineConfig.onnxruntime.intra_op_num_threads": int(os.environ.get("OMP_NUM_THREADS", "-1")),
        }
    )


def read_picture(path):
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInput("the picture cannot be read (%s)" % type(error).__name__) from error


if __name__ == "__main__":
    main.start()
