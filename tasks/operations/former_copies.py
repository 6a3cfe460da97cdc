"""The snapshot of an earlier release, which was in the working folder wherever the warehouse was."""

from pathlib import Path

from tasks.config.settings import Settings

_FORMER = Path(".ballast/snapshot.duckdb")


def warn_of_former_copies(settings: Settings) -> tuple[str, ...]:
    """Warn of a snapshot of the same warehouse at the former default place: its readers see no new day."""
    if settings.store != "embedded" or not _FORMER.exists() or _FORMER.resolve() == settings.snapshot.resolve():
        return ()
    if not settings.open_file().has_copy(_FORMER):
        return ()
    warning = (
        f"{_FORMER} is an old snapshot of this warehouse and is not renewed: the copies are now {settings.snapshot} "
        f"and {settings.export_folder}. Point readers there and remove {_FORMER}, or set BALLAST_SNAPSHOT and "
        "BALLAST_EXPORT_FOLDER to the former places"
    )
    return (warning,)
