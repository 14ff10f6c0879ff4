"""Where a conversation of a chat platform is reached, and thumbs under a step."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # psycopg itself, without parameters: a percent sign in a function's body is no placeholder.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("migrations need a live connection")
    driver.execute(sql)


def downgrade() -> None:
    raise NotImplementedError(
        "Nobody could be written to first any more, and what people said of steps would be lost. "
        "Restore a backup instead."
    )
