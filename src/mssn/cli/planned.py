"""`mssn upscale --dry-run`: what would be made, how long it would take and how much room."""

from __future__ import annotations

from collections.abc import Sequence

from mssn.cli.films import is_film
from mssn.cli.options import Lines, in_options
from mssn.cli.progress import by_what
from mssn.cli.streams import tell, to_json
from mssn.upscaling.estimate import Planned


def tell_planned(planned: Sequence[Planned], *, json: bool) -> int:
    """Print a line for each picture, and the sum.

    Args:
        planned: What each job would make.
        json: A JSON object for each picture instead of words.

    Returns:
        Exit code: 0, or 1 if some pictures would fail.
    """
    lines = Lines()
    made = [plan for plan in planned if plan.error is None]
    for plan in planned:
        if plan.error is not None:
            tell(f"mssn: {in_options(plan.error)}")
        if json:
            lines.say(_as_json(plan))
        elif plan.error is None:
            sizes = " -> ".join(f"{width}x{height}" for width, height in (plan.before, plan.after))
            kind = "frames" if is_film(plan.job) else "pages"
            pages = f"  {plan.pages} {kind}" if plan.pages > 1 else ""
            if not plan.pages:
                pages = "  how many frames, the file does not say: time and size are unknown"
            lines.say(f"{plan.job.target}  {sizes}{pages}  {by_what(plan)}")
    films = sum(is_film(plan.job) for plan in made)
    kinds = [(len(made) - films, "picture"), (films, "film")]
    pictures = " and ".join(f"{n} {what}{'s' * (n != 1)}" for n, what in kinds if n) or "0 pictures"
    megapixels = sum(plan.pages * plan.after[0] * plan.after[1] for plan in made) / 1e6
    seconds, size = sum(plan.seconds for plan in made), sum(plan.size for plan in made)
    failing = f", {len(planned) - len(made)} would fail" if len(made) < len(planned) else ""
    least = " at least" if any(not plan.pages for plan in made) else ""
    tell(
        f"nothing was written: {pictures}, {megapixels:.3g} megapixels to make, about {in_time(seconds)} and "
        f"{in_bytes(size)}{least}{failing}"
    )
    return 1 if failing or lines.failure else 0


def _as_json(plan: Planned) -> str:
    names = {"source": str(plan.job.source), "target": str(plan.job.target)}
    if plan.error is not None:
        return to_json({**names, "error": in_options(plan.error)})
    keys = ("before", "after", "model", "strength")
    count = {"frames" if is_film(plan.job) else "pages": plan.pages}
    about = {"seconds": round(plan.seconds, 3), "bytes": round(plan.size)}
    return to_json({**names, **{key: getattr(plan, key) for key in keys}, **count, **about})


def in_time(seconds: float) -> str:
    """A time, roughly."""
    if seconds < 90:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def in_bytes(size: float) -> str:
    """Room for files, roughly."""
    for name in ("KB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.3g} {name}"
    return f"{size / 1000:.3g} TB"
