"""Writes the wheel of millrace_module.py. Needs no build tool, and equal files give equal bytes.

    python build_wheel.py FOLDER [LABEL]

A label makes the version a local one, such as 0.2.0+agent: no public index has wheels of such a version.
pyproject.toml names it as build backend too (PEP 517): `pip install ./python` installs the same wheel.
"""

import base64
import hashlib
import os
import re
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return write_wheel(wheel_directory, "")


def write_wheel(folder, label):
    source = read("millrace_module.py")
    project = dict(re.findall(r'^([\w-]+) = "(.*)"$', read("pyproject.toml").decode(), re.MULTILINE))
    version = re.search(r'^__version__ = "(.+)"$', source.decode(), re.MULTILINE).group(1)
    if label:
        version += "+" + label
    stem = "%s-%s" % (project["name"].replace("-", "_"), version)
    files = {
        "millrace_module.py": source,
        stem + ".dist-info/METADATA": lines(
            "Metadata-Version: 2.1",
            "Name: " + project["name"],
            "Version: " + version,
            "Summary: " + project["description"],
            "License: " + project["license"],
            "Requires-Python: " + project["requires-python"],
        ),
        stem + ".dist-info/WHEEL": lines(
            "Wheel-Version: 1.0", "Generator: millrace", "Root-Is-Purelib: true", "Tag: py3-none-any"
        ),
    }
    record = stem + ".dist-info/RECORD"
    files[record] = lines(*[recorded(name, data) for name, data in files.items()], record + ",,")
    wheel = stem + "-py3-none-any.whl"
    path = os.path.join(folder, wheel)
    pack(path + ".part", files)
    os.replace(path + ".part", path)
    return wheel


def read(name):
    with open(os.path.join(HERE, name), "rb") as file:
        return file.read().replace(b"\r\n", b"\n")


def lines(*texts):
    return "".join(text + "\n" for text in texts).encode()


def recorded(name, data):
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return "%s,sha256=%s,%d" % (name, digest, len(data))


def pack(path, files):
    """Without compression, times and the system's name: these differ from one Python to another."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    print(write_wheel(sys.argv[1], "".join(sys.argv[2:])))
