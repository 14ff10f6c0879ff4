"""`flowpilot migrate` and `flowpilot keys`: the ground the rest stands on."""

from __future__ import annotations

from sqlalchemy import make_url

from bot.cli_account import name_of, opened
from bot.cli_screen import CommandFailed, Here
from bot.settings import required
from storage.administration import all_accounts, rotate_keys
from storage.migrate import migrate as bring_up_to_date
from storage.migrate import newest
from storage.vault import KeysUnusable, Vault, new_key


def migrate(here: Here) -> int:
    """Bring the tables up to date as their owner, and grant the application's role what it needs."""
    settings = here.settings
    required(settings, "owner_database_url", "database_url")
    role = make_url(settings.database_url.replace("postgres://", "postgresql://", 1)).username
    owner = make_url(settings.owner_database_url.replace("postgres://", "postgresql://", 1)).username
    if not role:
        raise CommandFailed("DATABASE_URL names no user. Nothing was changed.", 2)
    if role == owner:
        raise CommandFailed(
            f"DATABASE_URL and DATABASE_OWNER_URL both use the role {role}, so accounts would not be kept apart. "
            "Nothing was changed. Make a plain role for the application and put it into DATABASE_URL.",
            2,
        )
    bring_up_to_date(settings.owner_database_url, role)
    here.screen.say(f"The database is up to date (migration {newest()}); {role} may use it.")
    return 0


def keys(here: Here) -> int:
    """A new key, and nothing else on standard output."""
    here.screen.say(new_key())
    return 0


async def rotate(here: Here) -> int:
    """Everything that stays for long is encrypted under the newest key, account by account."""
    vault = Vault(here.settings.key_ring)
    failed = 0
    async with opened(here) as store:
        for account in await all_accounts(store):
            name = await name_of(store, account)
            try:
                async with store.transaction(account) as unit:
                    count = await rotate_keys(unit, vault)
            except KeysUnusable:
                failed += 1
                here.screen.warn(
                    f"{name}: its PSA keys were encrypted with a key that is not in FLOWPILOT_KEYS. They stay as "
                    "they are; add that key again, or run flowpilot connect connectwise with new keys."
                )
            else:
                here.screen.say(
                    f"{name}: {count} PSA connection{'' if count == 1 else 's'} under the newest key."
                )
    if not failed:
        here.screen.say(
            "Leave the older keys in FLOWPILOT_KEYS for 7 more days: what came in lately is still under them."
        )
    return 1 if failed else 0
