"""The conversation with the model, its calls and what they cost, what was masked for it, and screenshots."""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
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
        "What was said to the model, and what it cost, would be lost. Restore a backup instead."
    )
