"""Examples for rules.yml: `ruleid` marks what the rule below it must find, `ok` what it must leave alone."""


def sql(db, name):
    # ruleid: sql-put-together-from-text
    db.execute(text(f"SELECT * FROM account WHERE name = '{name}'"))
    # ruleid: sql-put-together-from-text
    db.exec_driver_sql("SELECT * FROM account WHERE name = " + name)
    # ok: sql-put-together-from-text
    db.execute(text("SELECT * FROM account WHERE name = :name"), {"name": name})


# ruleid: route-without-a-rule
@blueprint.get("/open-to-all")
def open_to_all():
    return "secret"


# ok: route-without-a-rule
@blueprint.get("/cases")
@access("member")
def shut():
    return "page"


def onward():
    # ruleid: led-on-to-an-address-from-outside
    a = redirect(request.args.get("next"), 303)
    # ok: led-on-to-an-address-from-outside
    return a, redirect(_onward(request.args.get("next")), 303)


def page(name):
    # ruleid: markup-that-is-not-escaped
    a = Markup(f"<b>{name}</b>")
    # ruleid: markup-that-is-not-escaped
    b = render_template_string("<b>{{ name }}</b>" + name)
    # ok: markup-that-is-not-escaped
    return a, b, render_template("page.html", name=name)


def logged(email):
    # ruleid: text-in-a-log-line
    log.warning(f"No account {email}")
    # ruleid: text-in-a-log-line
    log.warning("No account %s", email)
    # ok: text-in-a-log-line
    log.warning("A sign-in was refused", extra={"reference": 1})


def parsed(given):
    # ruleid: text-from-outside-read-by-a-parser-of-its-own
    etree.fromstring(given)
    # ok: text-from-outside-read-by-a-parser-of-its-own
    etree.fromstring(given, xml_door.parser())


def read(given):
    # ruleid: objects-from-bytes
    pickle.loads(given)
    # ok: objects-from-bytes
    json.loads(given)


def run(given):
    # ruleid: text-that-is-run
    eval(given)
    # ruleid: text-that-is-run
    subprocess.run(given, shell=True)
    # ok: text-that-is-run
    expressions.evaluate(given, {})


def compared(token, kept):
    # ruleid: secrets-compared-plainly
    if token == kept:
        return True
    # ok: secrets-compared-plainly
    return hmac.compare_digest(token, kept)


def chance():
    # ruleid: chance-that-can-be-foretold
    random.randint(0, 999999)
    # ok: chance-that-can-be-foretold
    secrets.randbelow(1000000)


def hashed(given):
    # ruleid: weak-hash
    hashlib.sha1(given)
    # ok: weak-hash
    hashlib.sha256(given)


def opened():
    # ruleid: file-named-by-a-request
    open(request.args["name"])
    # ok: file-named-by-a-request
    open(KNOWN[request.args["name"]])


def sent(url):
    # ruleid: connection-that-trusts-anybody
    get(url, verify=False)
    # ok: connection-that-trusts-anybody
    get(url, timeout=5)
