"""pip without builds: it installs wheels only.

pip's own `--only-binary` covers packages of an index, but still runs `setup.py` of folders, archives and repositories,
also when a wheel requires them. The script rejects versions of pip that it cannot patch.
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
    raise InstallationError(f"{self.req} has to be built, and only wheels are allowed")


SourceDistribution.prepare_distribution_metadata = refuse
sys.exit(main(sys.argv[1:]))
