"""Whose certificate signs the outputs."""

from portrait_alive.errors import UsageError
from portrait_alive.media import c2pa
from portrait_alive.media.certificates import Credentials, default_folder, self_made_credentials
from portrait_alive.options import AnimateOptions


def credentials_of(options: AnimateOptions) -> Credentials | None:
    """What C2PA manifests are signed with: the user's certificate, else a self-made one; None where nothing signs.

    Raises:
        UsageError: a certificate without its key, or the other way round.
        MissingDependencyError: a certificate was named, but c2pa-python is not installed.
    """
    if (options.certificate is None) != (options.certificate_key is None):
        raise UsageError("--certificate and --certificate-key belong together")
    if not options.marks:
        return None
    if options.certificate is not None and options.certificate_key is not None:
        return Credentials(options.certificate, options.certificate_key)
    return self_made_credentials(default_folder()) if c2pa.is_available() else None
