"""The tables as they began, with row-level security and the functions used before an account is known."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    # psycopg itself, without parameters: the functions' bodies hold percent signs.
    driver = op.get_bind().connection.driver_connection
    if driver is None:
        raise RuntimeError("migrations need a live connection")
    driver.execute(sql)


def downgrade() -> None:
    raise NotImplementedError("The first migration has nothing before it. Restore a backup instead.")
