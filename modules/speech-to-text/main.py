"""Writes down English speech with PocketSphinx, whose model lies inside its wheel.

    python main.py --mode test --input_file test_data.json
"""

import io
import re

from millrace_module import InvalidInput, module

RATE = 16000  # samples per second, of the model
LONGEST = 30  # seconds that are listened to at once


@module
def main(inputs, task):
    """Writes down English speech."""
    speech = read_speech(inputs["speech"])
    seconds = len(speech) / 2 / RATE
    task.progress(5, "%.1f s of sound" % seconds)
    words = []
    for start, samples in stretches(speech):
        words += words_of(task.loaded, samples, start)
        end = start + len(samples) / 2 / RATE
        task.progress(5 + 95 * end / seconds, "%.1f s" % min(end, seconds))
    task.progress(100, "%d words" % len(words))
    return {"text": " ".join(word["word"] for word in words), "words": words}


@main.load
def load():
    from pocketsphinx import Decoder

    return Decoder(samprate=float(RATE), loglevel="ERROR")


def read_speech(path):
    """The sound as one channel of 16-bit samples at the model's rate; a minute at a time."""
    import soundfile

    try:
        with soundfile.SoundFile(with_length(path)) as file:
            rate = file.samplerate
            if rate < 8000:
                raise InvalidInput("the speech has %d samples per second; at least 8000 are needed" % rate)
            minutes = file.blocks(60 * rate, always_2d=True)
            return b"".join(as_int16(resampled(data.mean(axis=1), rate)) for data in minutes)
    except soundfile.LibsndfileError as error:
        raise InvalidInput("the speech is no sound that can be read: %s" % error.error_string) from error


def with_length(path):
    """The path; or, of a WAV whose writer never came back to fill in the length, its bytes with one that means: to the end."""
    with open(path, "rb") as file:
        head = file.read(64 * 1024)
        data = head.find(b"data")
        is_streamed = head[:4] == b"RIFF" and data > 0 and head[data + 4 : data + 8] == bytes(4)
        if not is_streamed or len(head) == data + 8:
            return path
        whole = bytearray(head + file.read())
    whole[4:8] = whole[data + 4 : data + 8] = b"\xff" * 4
    return io.BytesIO(whole)


def resampled(samples, rate):
    """At the model's rate: what is too high for it is filtered away first, the rest is interpolated."""
    import numpy

    if rate == RATE or len(samples) == 0:
        return samples
    if rate > RATE:
        cutoff = 0.45 * RATE / rate  # of the sampling rate
        at = numpy.arange(-64, 65)
        kernel = 2 * cutoff * numpy.sinc(2 * cutoff * at) * numpy.hamming(len(at))
        samples = numpy.convolve(samples, kernel, "same")[: len(samples)]
    count = len(samples) * RATE // rate
    return numpy.interp(numpy.arange(count) * rate / RATE, numpy.arange(len(samples)), samples)


def as_int16(samples):
    return (samples.clip(-1, 1) * 32767).round().astype("<i2").tobytes()


def stretches(speech):
    """What lies between pauses, each with the second at which it starts."""
    from pocketsphinx import Segmenter

    # Without a pause after it, the segmenter may lose what is said last.
    with_pause = io.BytesIO(speech + bytes(2 * RATE))
    for segment in Segmenter(sample_rate=RATE).segment(with_pause):
        size = 2 * RATE * LONGEST
        for at in range(0, len(segment.pcm), size):
            yield segment.start_time + at / 2 / RATE, segment.pcm[at : at + size]


def words_of(decoder, samples, start):
    """The words in a stretch of speech, with their seconds in the whole; silence and noise are no words."""
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
    frame = 1 / decoder.config["frate"]
    return [
        {
            # Other pronunciations are numbered: "the(2)".
            "word": re.sub(r"\(\d+\)$", "", found.word),
            "start": round(start + found.start_frame * frame, 2),
            "end": round(start + (found.end_frame + 1) * frame, 2),
        }
        for found in decoder.seg() or ()
        if not re.match(r"<|\[|\+\+", found.word)
    ]


@main.check
def check(outputs, task):
    """Half of the words must be right: other versions of the model hear some of them differently."""
    said, heard = task.expected["words"], outputs["text"].split()
    missed = [word for word in said if word not in heard]
    assert len(missed) <= len(said) / 2, "did not hear %s in: %s" % (missed, outputs["text"])


if __name__ == "__main__":
    main.start()
