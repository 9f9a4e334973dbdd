"""Speaks a text with eSpeak NG, whose library and voices lie inside espeakng-loader's wheel.

    python main.py --mode test --input_file test_data.json
"""

import ctypes
import wave

from millrace_module import InvalidInput, module

# From speak_lib.h.
SYNCHRONOUS, UTF_8, WORDS_PER_MINUTE, NO_EXIT = 2, 1, 1, 0x8000
Heard = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


@module
def main(inputs, task):
    """Speaks a text."""
    espeak, rate = task.loaded
    if not inputs["text"].strip():
        raise InvalidInput("the text is empty")
    if "\0" in inputs["text"]:
        raise InvalidInput("the text has a character 0, which ends texts in C")
    # Later voices keep what earlier ones set: both are set for each task.
    if espeak.espeak_SetVoiceByName(inputs["voice"].encode()) != 0:
        raise InvalidInput("unknown voice %s" % inputs["voice"])
    espeak.espeak_SetParameter(WORDS_PER_MINUTE, inputs["words_per_minute"], 0)
    target = task.output("speech.wav")
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        speak(espeak, inputs["text"], file, task)
        seconds = file.tell() / rate
    if seconds == 0:
        raise InvalidInput("the text has nothing that can be spoken")
    return {"speech": target, "sample_rate": rate, "seconds": round(seconds, 3)}


@main.load
def load():
    import espeakng_loader

    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    rate = espeak.espeak_Initialize(SYNCHRONOUS, 0, data, NO_EXIT)
    if rate <= 0:
        raise RuntimeError("eSpeak NG cannot be started: %d" % rate)
    return espeak, rate


def speak(espeak, text, file, task):
    """Has the text spoken into the file, piece by piece."""
    faults = []

    @Heard
    def heard(samples, count, _events):
        try:
            if count > 0 and samples:
                file.writeframesraw(ctypes.string_at(samples, count * 2))
        except Exception as error:  # nothing may be raised through the library
            faults.append(error)
        return 1 if faults or task.cancelled else 0  # 1: enough

    espeak.espeak_SetSynthCallback(heard)
    data = text.encode("utf-8", "replace") + b"\0"
    status = espeak.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, UTF_8, None, None)
    espeak.espeak_Synchronize()
    task.raise_if_cancelled()
    if faults:
        raise faults[0]
    if status != 0:
        raise RuntimeError("eSpeak NG failed: %d" % status)


@main.check
def check(outputs, task):
    with wave.open(outputs["speech"]) as file:
        seconds = file.getnframes() / file.getframerate()
        loudest = max(memoryview(file.readframes(file.getnframes())).cast("h"))
    low, high = task.expected["seconds"]
    assert low < seconds < high, "%.2f s of speech" % seconds
    assert loudest > 3000, "the speech is too quiet: %d" % loudest


if __name__ == "__main__":
    main.start()
