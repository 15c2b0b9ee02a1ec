"""Who people are to the providers of their organisations' accounts."""

from sqlalchemy import Connection, select

from service.store.tables import account_identity


def account_of(db: Connection, issuer: str, subject: str) -> str | None:
    """The account bound to what an issuer calls somebody, or none."""
    this = (account_identity.c.issuer == issuer, account_identity.c.subject == subject)
    found: str | None = db.execute(select(account_identity.c.account_id).where(*this)).scalar_one_or_none()
    return found


def is_bound(db: Connection, issuer: str, account_id: str) -> bool:
    """Whether an account is bound to anybody of an issuer."""
    this = (account_identity.c.issuer == issuer, account_identity.c.account_id == account_id)
    return db.execute(select(account_identity.c.subject).where(*this)).first() is not None
