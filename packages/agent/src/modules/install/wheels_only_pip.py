"""pip, but for one thing: it builds no package.

pip's own `--only-binary` means what comes from an index, and it runs `setup.py` of folders, archives and repositories,
also of those that a wheel asks for. A pip that works otherwise than those known is not used.
"""

import sys

try:
    from pip._internal.cli.main import main
    from pip._internal.distributions.sdist import SourceDistribution
    from pip._internal.exceptions import InstallationError

    SourceDistribution.prepare_distribution_metadata
except (ImportError, AttributeError):
    sys.exit("ERROR: this pip cannot be kept from building packages: install uv, or set allow_builds in module.json")


def refuse(self, *_, **__):
    raise InstallationError(f"{self.req} has to be built, and only wheels are taken")


SourceDistribution.prepare_distribution_metadata = refuse
sys.exit(main(sys.argv[1:]))
