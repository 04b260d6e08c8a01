"""Secrets in the arguments of calls: put in by the activity, never seen by the run."""

from workflows.secrets.in_memory import SecretsInMemory
from workflows.secrets.opener import SecretOpener, SecretSource
from workflows.secrets.stored import StoredSecrets

__all__ = ["SecretOpener", "SecretSource", "SecretsInMemory", "StoredSecrets"]
