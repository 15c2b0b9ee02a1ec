"""Passwords: which may be chosen, what is kept of them (argon2id), and whether one is right."""

from string import digits

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from service.core.errors import BrokenRule, Problem

SHORTEST, LONGEST, FEWEST_DIFFERENT = 12, 128, 5
UNSET = ""
"""The hash of an account that was invited and has no password yet."""
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$O/vxoFbTsMBrvtDKbYTr1g$SQ97f2083XdshRJicKWjNDIfo20i6hIoXRTDNBwQ0ZA"
"""The hash of a password that nobody kept. Written down, since making one costs every process a third of a second."""
COMMON = frozenset({
    "", "abcdefghijkl", "abcdefghijklm", "administrator", "asdfghjkl", "changeme", "changemechangeme",
    "correct horse battery staple",
    "correcthorsebatterystaple", "dragondragon", "iloveyou", "iloveyouiloveyou", "letmein",
    "letmeinletmein", "liverpool", "liverpoolliverpool", "manchesterunited", "partnership", "password",
    "passwordpassword", "princess", "q1w2e3r4t5y6", "qazwsxedcrfv", "qwerty", "qwertyqwerty", "qwertyuiop",
    "qwertyuiopas", "qwertyuiopasdfghjkl", "sunshine", "superman", "trustno", "welcome",
    "welcomewelcome", "1qaz2wsx3edc", "1q2w3e4r5t6y",
})  # fmt: skip
"""What is tried first among passwords that are long enough, without what people put before or behind it."""

_hasher = PasswordHasher()


def require_usable(password: str) -> None:
    """Raise ``BrokenRule`` for a password that is too short, too long, or one of those that are tried first."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise _refused(f"Choose a password of {SHORTEST} to {LONGEST} characters.")
    plain = {password.lower(), password.lower().strip(digits + "!?.#*-_ ")}
    if plain & COMMON or len(set(password)) < FEWEST_DIFFERENT:
        raise _refused("That password is one of the first to be guessed. Choose another one, such as four odd words.")


def hash_of(password: str) -> str:
    """What the store keeps of a password."""
    return _hasher.hash(password)


def fits(kept: str, password: str) -> bool:
    """Whether a password is the one of a kept hash."""
    if len(password) > LONGEST:
        return False
    try:
        return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _refused(message: str) -> BrokenRule:
    return BrokenRule(message, (Problem("password", message),))
