"""`qt deploy`: the files that begin the fund on other machines, with this fund's own words in them."""

import os
from pathlib import Path
from typing import Annotated

import typer

from qt_ray.cli.config import Assignments, Profile, assigned
from qt_ray.cli.screen import note, say

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, add_completion=False)

Values = Annotated[
    list[str] | None,
    typer.Option("--value", "-v", metavar="KEY=VALUE", help="A word of the deployment, such as head_ip or image."),
]
Out = Annotated[Path, typer.Option("--out", "-o", help="Folder to write into; the repository's own is `.`.")]


@app.callback()
def about() -> None:
    """Write what begins the fund elsewhere."""


@app.command()
def render(
    profile: Profile = "paper", assignments: Assignments = None, values: Values = None, out: Out = Path("deployment")
) -> None:
    """Write cluster files for your own machines, AWS, Google Cloud and Kubernetes, a systemd unit and a container."""
    from qt_ray.adapters.config import load
    from qt_ray.adapters.deployment import Deployment
    from qt_ray.adapters.files import write_text_atomic

    settings = load(profile, assigned(assignments), os.environ).settings
    ours = Deployment(profile=profile, account=settings.fund.account)
    for place, text in ours.with_words({key: str(word) for key, word in assigned(values).items()}).rendered().items():
        write_text_atomic(out / place, text)
        say(str(out / place))
    note("no secret is in them; deploy/README.md says how each is used")
