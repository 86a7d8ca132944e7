"""samconfig.example.toml: the parameters in it, as SAM reads them."""

import tomllib

from samcli.cli.types import CfnParameterOverridesType

from . import paths


def parameters():
    """Every parameter's value by its name. The value of a switch is its off-value."""
    config = tomllib.loads((paths.ROOT / "samconfig.example.toml").read_text(encoding="utf-8"))
    written = config["default"]["global"]["parameters"]["parameter_overrides"]
    return CfnParameterOverridesType().convert(written, None, None)
