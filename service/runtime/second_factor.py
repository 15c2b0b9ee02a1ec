"""The second factor: six digits from an app on the person's phone (RFC 6238), or one of ten recovery codes on paper.

Promises: a code counts once, whichever process is asked; the secret an app works from lies in the database sealed
with a key that does not; of recovery codes only keyed hashes are kept. Practice accounts have no second factor.
"""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import Connection, delete, func, insert, or_, select, update

from service.store.tables import account, recovery_code
from service.store.transaction import state_keys

STEP_SECONDS, DIGITS, DRIFT = 30, 6, 1
"""RFC 6238, 4 and 5.2: steps of 30 seconds; one step of difference between the clocks is let pass."""
CODES = 10
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of recovery codes: no letter that is taken for a digit or another letter."""
PURPOSE, NONCE = b"case/second-factor/v1", 12


def fits(db: Connection, account_id: str, code: str, at: datetime) -> bool:
    """Whether a code from the app, or an unused recovery code, is right at ``at``; from then on it is used up.

    Within a writing transaction. Of a practice account every code is right.
    """
    row = db.execute(select(account).where(account.c.id == account_id)).one()
    if row.practice:
        return True
    typed = "".join(code.split()).replace("-", "").lower()
    if row.totp_since is None:
        return False
    return _app_fits(db, account_id, row.totp_secret, typed, at) or _recovery_fits(db, account_id, typed, at)


def begin(db: Connection, account_id: str) -> str:
    """The secret to type into an app, as base32: made at the first time of asking, the same until it is confirmed."""
    row = db.execute(select(account).where(account.c.id == account_id)).one()
    if row.totp_secret and row.totp_since is None and (known := _opened(db, row.totp_secret, account_id)):
        return base64.b32encode(known).decode()
    secret = secrets.token_bytes(20)
    kept = {"totp_secret": _sealed(db, secret, account_id), "totp_since": None, "totp_step": None}
    db.execute(update(account).where(account.c.id == account_id).values(kept))
    return base64.b32encode(secret).decode()


def confirm(db: Connection, account_id: str, code: str, at: datetime) -> list[str] | None:
    """Take the app into use if its first code is right, and return fresh recovery codes; ``None`` if it is wrong."""
    row = db.execute(select(account).where(account.c.id == account_id)).one()
    if row.totp_secret is None or row.totp_since is not None:
        return None
    if not _app_fits(db, account_id, row.totp_secret, "".join(code.split()), at):
        return None
    db.execute(update(account).where(account.c.id == account_id).values(totp_since=at))
    return renew(db, account_id, at)


def renew(db: Connection, account_id: str, at: datetime) -> list[str]:
    """Ten fresh recovery codes; those before are worth nothing any more."""
    db.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))
    made = ["".join(secrets.choice(ALPHABET) for _ in range(12)) for _ in range(CODES)]
    rows = [{"account_id": account_id, "code_hash": _hash(db, account_id, one), "made_at": at} for one in made]
    db.execute(insert(recovery_code), rows)
    return [f"{one[:4]}-{one[4:8]}-{one[8:]}" for one in made]


def reset(db: Connection, account_id: str) -> None:
    """Forget app and recovery codes: the person sets them up again after their next password."""
    db.execute(update(account).where(account.c.id == account_id).values(totp_secret=None, totp_since=None))
    db.execute(delete(recovery_code).where(recovery_code.c.account_id == account_id))


def left(db: Connection, account_id: str) -> int:
    """How many recovery codes are unused."""
    mine = (recovery_code.c.account_id == account_id, recovery_code.c.used_at.is_(None))
    return int(db.execute(select(func.count()).where(*mine)).scalar_one())


def address(secret: str, email: str, issuer: str) -> str:
    """The address that an app takes a secret from, as a link or a picture."""
    who, by = quote(f"{issuer}:{email}"), quote(issuer)
    return f"otpauth://totp/{who}?secret={secret}&issuer={by}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"


def code_at(secret: bytes, step: int) -> str:
    """The code of a step, counted from 1970."""
    # SHA-1 is what RFC 6238 means by default and what every app computes; as a keyed hash it is sound.
    made = TOTP(secret, DIGITS, SHA1(), STEP_SECONDS, enforce_key_length=False)  # noqa: S303 # nosec B303
    return made.generate(step * STEP_SECONDS).decode()


def _app_fits(db: Connection, account_id: str, sealed: str, typed: str, at: datetime) -> bool:
    secret = _opened(db, sealed, account_id)
    if secret is None or len(typed) != DIGITS:
        return False
    present = int(at.timestamp()) // STEP_SECONDS
    near = range(present - DRIFT, present + DRIFT + 1)
    right = [step for step in near if hmac.compare_digest(code_at(secret, step).encode(), typed.encode())]
    if not right:
        return False
    unused = or_(account.c.totp_step.is_(None), account.c.totp_step < right[0])
    taken = db.execute(update(account).where(account.c.id == account_id, unused).values(totp_step=right[0]))
    return taken.rowcount == 1


def _recovery_fits(db: Connection, account_id: str, typed: str, at: datetime) -> bool:
    this = (recovery_code.c.account_id == account_id, recovery_code.c.code_hash == _hash(db, account_id, typed))
    taken = db.execute(update(recovery_code).where(*this, recovery_code.c.used_at.is_(None)).values(used_at=at))
    return taken.rowcount == 1


def _keys(db: Connection) -> list[bytes]:
    keys = state_keys(db)
    texts = [keys.current, *([keys.previous] if keys.previous else [])]
    return [hmac.digest(one, PURPOSE, hashlib.sha256) for one in texts]


def _hash(db: Connection, account_id: str, code: str) -> str:
    return hmac.digest(_keys(db)[0], f"{account_id}:{code}".encode(), hashlib.sha256).hex()


def _sealed(db: Connection, secret: bytes, account_id: str) -> str:
    nonce = secrets.token_bytes(NONCE)
    return base64.b64encode(nonce + AESGCM(_keys(db)[0]).encrypt(nonce, secret, account_id.encode())).decode()


def _opened(db: Connection, sealed: str, account_id: str) -> bytes | None:
    kept = base64.b64decode(sealed)
    for key in _keys(db):
        try:
            return AESGCM(key).decrypt(kept[:NONCE], kept[NONCE:], account_id.encode())
        except InvalidTag:
            continue
    return None
