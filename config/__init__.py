"""Settings of an installation: YAML files and environment, validated at start."""
