from millrace_module import InvalidInput, module


@module
def main(inputs, task):
    words = inputs["text"].split()
    if not words:
        raise InvalidInput("the text has no words")  # trying again is of no use
    task.progress(50, "looking for the longest words")
    longest = sorted(set(words), key=lambda word: (-len(word), word))
    return {"words": len(words), "longest": longest[: inputs["longest"]]}


if __name__ == "__main__":
    main.start()
